"""`python -m tinybert_edge` is `tinybert`."""

from tinybert_edge.cli import main

main()

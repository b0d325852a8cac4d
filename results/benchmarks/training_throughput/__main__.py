"""Tokens a second of a distillation, beside TextBrewer: one student, one teacher, the same losses, the same batches.

Run from the repository's root, with TextBrewer installed beside (it is no dependency of this project):

    pip install --no-deps textbrewer
    python -m results.benchmarks.training_throughput

The teacher is the encoder of the embedded default, 6 layers 384 wide, the student its layers 1, 3 and 5; sentences
are those of the embedded default, or the first column of a TSV file. Both train with embedding, hidden-state, attention
and prediction losses on the same padded batches of 32 sentences of like length. The ways run in turn, round by round.

- `textbrewer`: GeneralDistiller with torch's AdamW, as its README has it; attentions and hidden states as transformers
  gives them, which needs eager attention.
- `teacher beside`: this project's trainer, the teacher run over each batch.
- `teacher cached`: the same with `cache_layers = true`, from the second epoch on: the teacher does not run. What
  filling the cache takes is shown by itself.
"""

import argparse
from pathlib import Path

from distill.quiet import quiet


def main() -> None:
    """Print the table."""
    arguments = _arguments()
    quiet()
    from results.benchmarks.training_throughput import race  # torch, which --help does not need

    race.run(arguments)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--texts", type=Path, help="a TSV file with a header; the default is generated sentences")
    parser.add_argument("--sentences", type=int, default=320, choices=range(32, 4_001, 32), metavar="N")
    parser.add_argument("--length-tokens", type=int, default=128, help="where sentences are cut")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--only", action="append", help="a way; may be repeated")
    return parser.parse_args()


if __name__ == "__main__":
    main()

"""Tokens per second of a distillation, compared with TextBrewer: same student, teacher, losses and batches.

Run from the repository's root, with TextBrewer installed (it is not a dependency of this project):

    pip install --no-deps textbrewer
    python -m results.benchmarks.training_throughput

The teacher is the encoder of the embedded example, 6 layers 384 wide, the student its layers 1, 3 and 5; sentences are
those of the embedded example, or the first column of a TSV file. Both train with embedding, hidden-state, attention and
prediction losses on the same padded batches of 32 sentences of similar length. The trainers take turns, round by round.

- `textbrewer`: GeneralDistiller with torch's AdamW, as in its README; attentions and hidden states from transformers,
  which needs eager attention.
- `teacher beside`: this project's trainer, with the teacher run on each batch.
- `teacher cached`: the same with `cache_layers = true`, from the second epoch on: the teacher does not run. The time to
  fill the cache is shown separately.
"""

import argparse
from pathlib import Path

from distill.silence import silence_libraries


def main() -> None:
    """Print the table."""
    arguments = _arguments()
    silence_libraries()
    from results.benchmarks.training_throughput import race  # torch, which --help does not need

    race.run(arguments)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--texts", type=Path, help="a TSV file with a header; the default is generated sentences")
    parser.add_argument("--sentences", type=int, default=320, choices=range(32, 4_001, 32), metavar="N")
    parser.add_argument("--length-tokens", type=int, default=128, help="where sentences are cut")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--only", action="append", help="a trainer; can be repeated")
    return parser.parse_args()


if __name__ == "__main__":
    main()

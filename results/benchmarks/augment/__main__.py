"""How much faster texts are augmented in batches than one masked word at a time.

Run from the repository's root:

    python -m results.benchmarks.augment --vocabulary vocab.txt --texts train.tsv --column sentence

The vocabulary is a WordPiece one, such as that of bert-base-uncased; the masked LM is made at random, as its answers do
not matter for the speed. The ways run in turn, round after round, so that a disturbance meets all of them; each finds
the candidates of the same words and draws the same number of samples from them.

- `batched`: distill.augment as it is: all texts in batches of like length, 15 % of a text's tokens masked at a time.
- `batched, a word a time`: the same with `masked_share = 0`: each word masked in a copy of the text of its own.
- `one at a time`: a forward pass and the whole output for each masked word. Answers like the way before,
  which is checked.
- `authors' way`: as data_augmentation.py of the TinyBERT paper's authors does it: one at a time as well, the text as it
  was put behind the masked one, and all tokens of the vocabulary sorted.
"""

import argparse
from pathlib import Path

from distill.quiet import quiet


def main() -> None:
    """Print the table."""
    arguments = _arguments()
    quiet()
    from results.benchmarks.augment import race  # torch, which --help does not need

    race.run(arguments)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--vocabulary", type=Path, required=True, help="a vocab.txt")
    parser.add_argument("--texts", type=Path, required=True, help="a .tsv with a header line")
    parser.add_argument("--column", default="sentence")
    parser.add_argument("--sentences", type=int, default=200)
    parser.add_argument("--layers", type=int, default=6)
    parser.add_argument("--width", type=int, default=384)
    parser.add_argument("--heads", type=int, default=12)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=3)
    return parser.parse_args()


if __name__ == "__main__":
    main()

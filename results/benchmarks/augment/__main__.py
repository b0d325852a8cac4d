"""Augmentation of texts in batches, compared with one masked word at a time.

Run from the repository's root:

    python -m results.benchmarks.augment --vocabulary vocab.txt --texts train.tsv --column sentence

The vocabulary is for WordPiece, such as that of bert-base-uncased; the masked LM has random weights, which do not
matter for the speed. The methods take turns, round after round, so that a disturbance affects all of them; each finds
candidates for the same words and draws the same number of samples from them.

- `batched`: distill.augment as it is: all texts in batches of similar length, 15 % of a text's tokens masked at a
  time.
- `batched, a word a time`: the same with `masked_share = 0`: each word masked in its own copy of the text.
- `one at a time`: a forward pass and the whole output for each masked word. The candidates must be the same as those
  of the previous method.
- `authors' way`: like data_augmentation.py by the authors of the TinyBERT paper: also one at a time, with the
  original text after the masked text, and all tokens of the vocabulary sorted.
"""

import argparse
from pathlib import Path

from distill.silence import silence_libraries


def main() -> None:
    """Print the table."""
    arguments = _arguments()
    silence_libraries()
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

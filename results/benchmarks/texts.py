"""Texts of a TSV file with a header; as GLUE has it, a quotation mark is a character like any other."""

import csv
from collections.abc import Iterator
from pathlib import Path

from tokenizers import Tokenizer

from contract.tokenizer import read_tokenizer


def rows(path: Path) -> Iterator[dict[str, str]]:
    """Give the values of each row by column."""
    with path.open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)


def tokenizer(path: Path, length_tokens: int) -> Tokenizer:
    """Read a tokenizer.json, to pad no text and to cut each at a length."""
    found = read_tokenizer(path)
    found.no_padding()
    found.enable_truncation(length_tokens)
    return found

"""Texts in a TSV file with a header; as in GLUE, quotation marks have no special meaning."""

import csv
from collections.abc import Iterator
from pathlib import Path

from tokenizers import Tokenizer

from contract.tokenizer import read_tokenizer


def rows(path: Path) -> Iterator[dict[str, str]]:
    """Yield the values of each row by column."""
    with path.open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)


def tokenizer(path: Path, length_tokens: int) -> Tokenizer:
    """Read a tokenizer.json, without padding and with truncation to a length."""
    result = read_tokenizer(path)
    result.no_padding()
    result.enable_truncation(length_tokens)
    return result

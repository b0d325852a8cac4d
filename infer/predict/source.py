"""Reads texts from the command line, a data file or standard input."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from contract import data_file
from contract.errors import InputError, near_miss
from contract.progress import bar
from infer import texts
from infer.texts import Example

# The usual names of the text column.
USUAL_COLUMNS = ("text", "sentence")
STDIN = Path("-")


@dataclass(frozen=True, slots=True)
class Question:
    """A text to answer, and its row."""

    example: Example
    row: dict[str, Any]

    @property
    def texts(self) -> dict[str, str]:
        """The text, and the second one of a pair, by transformers' names."""
        pair = {} if self.example.pair is None else {"text_pair": self.example.pair}
        return {"text": self.example.text, **pair}


def of_arguments(values: Sequence[str], pair: str | None) -> Iterator[Question]:
    """Yield the texts of the command line.

    Raises:
        InputError: a text is empty, too long, or not valid Unicode.
    """
    for value in values:
        yield Question(texts.read(value if pair is None else (value, pair)), row={})


def of_file(path: Path, column: str | None, pair_column: str | None) -> Iterator[Question]:
    """Yield the rows of a file, after checking them all; standard input is read as a stream instead.

    Args:
        path: the file, or `-`.
        column: column of the texts; if not given, the only one or the one with a usual name.
        pair_column: column of the second texts, if they are pairs.

    Raises:
        InputError: no such file or column, or a text is empty, too long or not valid Unicode; names the line.
    """
    if path == STDIN:
        yield from _questions(path, column, pair_column)
        return
    count = sum(1 for _ in _questions(path, column, pair_column))
    if not count:
        raise InputError(f"{path}: no rows", "write one text per row")
    with bar("answering", count) as advance:
        for question in _questions(path, column, pair_column):
            yield question
            advance(1)


def _questions(path: Path, column: str | None, pair_column: str | None) -> Iterator[Question]:
    for row in data_file.rows(path):
        source = f"{path}:{row.line}"
        column = column or _usual_column(list(row.values), source)
        value: Any = _value(row.values, column, source)
        if pair_column is not None:
            value = (value, _value(row.values, pair_column, source))
        try:
            yield Question(texts.read(value, source), row.values)
        except TypeError as error:
            raise InputError(str(error), "write the text as a string") from error


def _usual_column(columns: list[str], source: str) -> str:
    if len(columns) == 1:
        return columns[0]
    for name in USUAL_COLUMNS:
        if name in columns:
            return name
    raise InputError(f"{source}: which column has the texts? There are: {', '.join(columns)}", "name it with --column")


def _value(values: dict[str, Any], column: str, source: str) -> Any:
    if column not in values:
        known = ", ".join(values) or "none"
        raise InputError(f"{source}: no column {column!r}{near_miss(column, list(values))}", f"it has: {known}")
    return values[column]

"""Where texts come from: the command line, a data file or standard input."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from contract import data_file
from contract.errors import InputError, near_miss
from contract.progress import bar
from infer import texts
from infer.texts import Example

# What the texts' column is called in most data sets.
USUAL_COLUMNS = ("text", "sentence")
STDIN = Path("-")


@dataclass(frozen=True, slots=True)
class Question:
    """A text to answer, and the row it stands in."""

    example: Example
    row: dict[str, Any]

    @property
    def texts(self) -> dict[str, str]:
        """The text, and the second one of a pair, by transformers' names."""
        pair = {} if self.example.pair is None else {"text_pair": self.example.pair}
        return {"text": self.example.text, **pair}


def of_arguments(values: Sequence[str], pair: str | None) -> Iterator[Question]:
    """Give the texts of the command line.

    Raises:
        InputError: A text is empty, too long, or not valid Unicode.
    """
    for value in values:
        yield Question(texts.read(value if pair is None else (value, pair)), row={})


def of_file(path: Path, column: str | None, pair_column: str | None) -> Iterator[Question]:
    """Give the rows of a file; all of them are checked before the first is given. Standard input is read as it comes.

    Args:
        path: The file, or `-`.
        column: Column of the texts; the usual or the only one if not given.
        pair_column: Column of the second texts, if they are pairs.

    Raises:
        InputError: No such file or column, or a text is empty, too long or not valid Unicode; with its line.
    """
    if path == STDIN:
        yield from _questions(path, column, pair_column)
        return
    count = sum(1 for _ in _questions(path, column, pair_column))
    if not count:
        raise InputError(f"{path}: no rows", "give it a text a row")
    with bar("answering", count) as advance:
        for question in _questions(path, column, pair_column):
            yield question
            advance(1)


def _questions(path: Path, column: str | None, pair_column: str | None) -> Iterator[Question]:
    for row in data_file.rows(path):
        place = f"{path}:{row.line}"
        column = column or _usual_column(list(row.values), place)
        value: Any = _value(row.values, column, place)
        if pair_column is not None:
            value = (value, _value(row.values, pair_column, place))
        try:
            yield Question(texts.read(value, place), row.values)
        except TypeError as error:
            raise InputError(str(error), "write the text as a string") from error


def _usual_column(columns: list[str], place: str) -> str:
    if len(columns) == 1:
        return columns[0]
    for name in USUAL_COLUMNS:
        if name in columns:
            return name
    raise InputError(f"{place}: which column holds the texts? It has: {', '.join(columns)}", "name it with --column")


def _value(values: dict[str, Any], column: str, place: str) -> Any:
    if column not in values:
        known = ", ".join(values) or "none"
        raise InputError(f"{place}: no column {column!r}{near_miss(column, list(values))}", f"it has: {known}")
    return values[column]

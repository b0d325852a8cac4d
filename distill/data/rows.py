"""Rows of any task's data: texts, pairs and labels. Shapes: N rows."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from contract import ragged
from contract.digest import sha256_of_value
from contract.errors import InputError
from contract.ragged import Ragged
from distill.data.table import Table


@dataclass(frozen=True, kw_only=True, slots=True)
class Rows:
    """One split of the data.

    Attributes:
        texts: N texts.
        pairs: N second texts, or None for single texts.
        labels: a label for each text, or for each of its words.
        words: start and end of each labelled word in its text, in characters, entries of shape (2,); None if the whole
            text has a label.
    """

    texts: tuple[str, ...]
    pairs: tuple[str, ...] | None
    labels: Ragged
    words: Ragged | None = None

    def __len__(self) -> int:
        return len(self.texts)

    @property
    def labels_N(self) -> NDArray[Any]:  # noqa: N802  # a shape
        """The labels, shape (N,); only for tasks with one label per text."""
        assert self.words is None
        return self.labels.values

    def take(self, rows: Sequence[int]) -> "Rows":
        """Return the rows with these indices, in this order."""
        return Rows(
            texts=tuple(self.texts[row] for row in rows),
            pairs=None if self.pairs is None else tuple(self.pairs[row] for row in rows),
            labels=self.labels.take(rows),
            words=None if self.words is None else self.words.take(rows),
        )

    def joined(self, more: "Rows") -> "Rows":
        """Return these rows followed by more rows of the same task."""
        return Rows(
            texts=self.texts + more.texts,
            pairs=None if self.pairs is None or more.pairs is None else self.pairs + more.pairs,
            labels=ragged.joined([self.labels, more.labels]),
            words=None if self.words is None or more.words is None else ragged.joined([self.words, more.words]),
        )

    def key(self) -> str:
        """Return the hash of all contents."""
        contents: list[Any] = [self.texts, self.pairs, self.labels.values.tolist()]
        return sha256_of_value(contents if self.words is None else [*contents, self.words.key()])


@dataclass(frozen=True, kw_only=True, slots=True)
class Splits:
    """The two splits of a task's data."""

    train: Rows
    validation: Rows


def labelled(texts: Sequence[str], pairs: Sequence[str] | None, labels_N: NDArray[Any]) -> Rows:
    """Return rows with one label per text."""
    return Rows(texts=tuple(texts), pairs=None if pairs is None else tuple(pairs), labels=ragged.single(labels_N))


def read_texts(
    table: Table, *, text: str, text_pair: str, label: str
) -> tuple[tuple[str, ...], tuple[str, ...] | None]:
    """Check the columns and return the texts, and the second texts of pairs.

    Args:
        table: N rows.
        text, text_pair, label: column names; text_pair may be empty.

    Raises:
        InputError: no such column, or a text that is empty, contains a NUL, or is not a string; with file and line.
    """
    check_columns(table, *filter(None, (text, text_pair, label)))
    return _texts(table, text), _texts(table, text_pair) if text_pair else None


def check_columns(table: Table, *columns: str) -> None:
    """Check that a table has these columns.

    Raises:
        InputError: the first missing column, with the columns there are.
    """
    for column in columns:
        if column not in table.columns:
            known = ", ".join(table.columns) or "none"
            raise InputError(
                f"{table.source}:1: no column {column!r} (columns: {known})", "set it in the recipe's [data]"
            )


def _texts(table: Table, column: str) -> tuple[str, ...]:
    return tuple(check_text(value, column, table.location(row)) for row, value in enumerate(table.columns[column]))


def check_text(value: object, column: str, location: str) -> str:
    """Return the value if it is a valid text.

    Args:
        value: value of one row.
        column: column name, for error messages.
        location: file and line, for error messages.

    Raises:
        InputError: the value is empty, not a string, or contains a NUL or a lone surrogate.
    """
    if value is None or (isinstance(value, str) and not value.strip()):
        raise InputError(f"{location}: empty {column!r}", "remove the row or give it a text")
    if not isinstance(value, str):
        kind = type(value).__name__
        raise InputError(f"{location}: {column!r} is not a string ({kind}: {str(value)[:40]!r})", "write it as text")
    if any("\ud800" <= character <= "\udfff" for character in value):
        raise InputError(f"{location}: a lone surrogate in {column!r}", "save the file as UTF-8 text")
    if "\0" in value:
        raise InputError(f"{location}: a NUL in {column!r}", "save the file as UTF-8 text")
    return value

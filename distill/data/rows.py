"""Rows of a task's data, whatever its kind: texts, pairs and labels. Shapes: N rows."""

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
        labels: one entry for a text, or one for each of its words.
        words: where each labelled word begins and ends in its text, in characters, entries of shape (2,); None where a
            label is of the whole text.
    """

    texts: tuple[str, ...]
    pairs: tuple[str, ...] | None
    labels: Ragged
    words: Ragged | None = None

    def __len__(self) -> int:
        return len(self.texts)

    @property
    def labels_N(self) -> NDArray[Any]:  # noqa: N802  # a shape
        """The labels where each text has one."""
        assert self.words is None
        return self.labels.values

    def take(self, rows: Sequence[int]) -> "Rows":
        """Return some of the rows, in the order asked for."""
        return Rows(
            texts=tuple(self.texts[row] for row in rows),
            pairs=None if self.pairs is None else tuple(self.pairs[row] for row in rows),
            labels=self.labels.take(rows),
            words=None if self.words is None else self.words.take(rows),
        )

    def joined(self, more: "Rows") -> "Rows":
        """Return these rows and more of the same kind behind them."""
        return Rows(
            texts=self.texts + more.texts,
            pairs=None if self.pairs is None or more.pairs is None else self.pairs + more.pairs,
            labels=ragged.joined([self.labels, more.labels]),
            words=None if self.words is None or more.words is None else ragged.joined([self.words, more.words]),
        )

    def key(self) -> str:
        """Return the hash of everything in the rows."""
        told: list[Any] = [self.texts, self.pairs, self.labels.values.tolist()]
        return sha256_of_value(told if self.words is None else [*told, self.words.key()])


def labelled(texts: Sequence[str], pairs: Sequence[str] | None, labels_N: NDArray[Any]) -> Rows:
    """Return rows with one label a text."""
    return Rows(texts=tuple(texts), pairs=None if pairs is None else tuple(pairs), labels=ragged.single(labels_N))


def read_texts(
    table: Table, *, text: str, text_pair: str, label: str
) -> tuple[tuple[str, ...], tuple[str, ...] | None]:
    """Check that the columns are there and return the texts, and the second ones of pairs.

    Args:
        table: of N rows.
        text, text_pair, label: which columns; text_pair may be empty.

    Raises:
        InputError: no such column, or a text that is empty, holds a NUL, or is another thing; with file and line.
    """
    for column in filter(None, (text, text_pair, label)):
        if column not in table.columns:
            known = ", ".join(table.columns) or "none"
            raise InputError(
                f"{table.source}:1: no column {column!r} (it has: {known})", "name it in the recipe's [data]"
            )
    return _texts(table, text), _texts(table, text_pair) if text_pair else None


def _texts(table: Table, column: str) -> tuple[str, ...]:
    return tuple(check_text(value, column, table.place(row)) for row, value in enumerate(table.columns[column]))


def check_text(value: object, column: str, place: str) -> str:
    """Return a value that is a text.

    Args:
        value: of one row.
        column: its name.
        place: how errors name the row.

    Raises:
        InputError: it is empty, holds a NUL or half a character, or is another thing.
    """
    if value is None or (isinstance(value, str) and not value.strip()):
        raise InputError(f"{place}: empty {column!r}", "remove the row or give it a text")
    if not isinstance(value, str):
        kind = type(value).__name__
        raise InputError(f"{place}: {column!r} is not a string ({kind}: {str(value)[:40]!r})", "write it as text")
    if any("\ud800" <= character <= "\udfff" for character in value):
        raise InputError(f"{place}: half a character in {column!r}", "save the file as UTF-8 text")
    if "\0" in value:
        raise InputError(f"{place}: a NUL in {column!r}", "save the file as UTF-8 text")
    return value

"""Rows of a task's data, whatever its kind: texts, pairs and labels."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from contract.digest import sha256_of_value
from contract.errors import InputError
from infer.tasks.table import Table

Labels = NDArray[np.int64] | NDArray[np.float32]


@dataclass(frozen=True, kw_only=True, slots=True)
class Rows:
    """One split of the data.

    Attributes:
        texts: N texts.
        pairs: N second texts, or None for single texts.
        labels_N: numbers of labels (int64) for classification, scores (float32) for regression.
    """

    texts: tuple[str, ...]
    pairs: tuple[str, ...] | None
    labels_N: Labels

    def __len__(self) -> int:
        return len(self.texts)

    def take(self, rows: Sequence[int]) -> "Rows":
        """Return some of the rows, in the order asked for."""
        return Rows(
            texts=tuple(self.texts[row] for row in rows),
            pairs=None if self.pairs is None else tuple(self.pairs[row] for row in rows),
            labels_N=self.labels_N[list(rows)],
        )

    def joined(self, more: "Rows") -> "Rows":
        """Return these rows and more of the same kind behind them."""
        return Rows(
            texts=self.texts + more.texts,
            pairs=None if self.pairs is None or more.pairs is None else self.pairs + more.pairs,
            labels_N=np.concatenate([self.labels_N, more.labels_N]),
        )

    def key(self) -> str:
        """Return the hash of everything in the rows."""
        return sha256_of_value([self.texts, self.pairs, self.labels_N.tolist()])


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
    texts = []
    for row, value in enumerate(table.columns[column]):
        if value is None or (isinstance(value, str) and not value.strip()):
            raise InputError(f"{table.place(row)}: empty {column!r}", "remove the row or give it a text")
        if not isinstance(value, str):
            kind = type(value).__name__
            raise InputError(
                f"{table.place(row)}: {column!r} is no text ({kind}: {str(value)[:40]!r})", "write it as text"
            )
        if any("\ud800" <= character <= "\udfff" for character in value):
            raise InputError(f"{table.place(row)}: half a character in {column!r}", "save the file as UTF-8 text")
        if "\0" in value:
            raise InputError(f"{table.place(row)}: a NUL in {column!r}", "save the file as UTF-8 text")
        texts.append(value)
    return tuple(texts)

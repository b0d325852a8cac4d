"""Rows of different lengths in one array. NumPy only.

Shapes: N rows, T entries in all rows together.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import numpy as np
from numpy.typing import NDArray

from contract.digest import sha256_of_arrays


@dataclass(frozen=True, kw_only=True, slots=True)
class Ragged:
    """N rows of entries, which may be vectors.

    Attributes:
        values: the entries, row after row; shape (T, ...).
        offsets: N + 1 positions; row i is values[offsets[i]:offsets[i + 1]].

    Raises:
        ValueError: the offsets do not span the values.
    """

    values: NDArray[Any]
    offsets: NDArray[np.int64]

    def __post_init__(self) -> None:
        offsets = self.offsets
        if not len(offsets) or offsets[0] != 0 or offsets[-1] != len(self.values) or is_falling(offsets):
            raise ValueError("the offsets do not span the values")

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __iter__(self) -> Iterator[NDArray[Any]]:
        return (self.row(number) for number in range(len(self)))

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Number of entries of each row, shape (N,)."""
        return np.diff(self.offsets)

    @property
    def is_single(self) -> bool:
        """Whether each row has exactly one entry, so that `values` is an array by row."""
        return bool((self.lengths == 1).all())

    def row(self, number: int) -> NDArray[Any]:
        """Return the entries of one row."""
        return self.values[self.offsets[number] : self.offsets[number + 1]]

    def take(self, rows: Sequence[int] | NDArray[np.integer]) -> "Ragged":
        """Return some of the rows, in the order asked for."""
        if self.is_single:
            return single(self.values[np.asarray(rows, dtype=np.int64)])
        return from_rows([self.row(int(number)) for number in rows], like=self.values)

    def key(self) -> str:
        """Return the hash of all values and lengths."""
        return sha256_of_arrays(self.values, self.offsets)


def single(values: NDArray[Any]) -> Ragged:
    """Return N rows of one entry each.

    Args:
        values: the entries, shape (N, ...).
    """
    return Ragged(values=values, offsets=np.arange(len(values) + 1, dtype=np.int64))


def from_rows(rows: Sequence[NDArray[Any]], *, like: NDArray[Any]) -> Ragged:
    """Join rows.

    Args:
        rows: each of shape (length, ...).
        like: an array of the same type and further sizes, for the case that there are no rows.
    """
    return Ragged(
        values=np.concatenate([np.asarray(row, dtype=like.dtype) for row in rows] or [like[:0]]),
        offsets=offsets_of([len(row) for row in rows]),
    )


def joined(parts: Sequence[Ragged]) -> Ragged:
    """Concatenate the rows of several ragged arrays."""
    return Ragged(
        values=np.concatenate([part.values for part in parts]),
        offsets=offsets_of([length for part in parts for length in part.lengths.tolist()]),
    )


def offsets_of(lengths: Iterable[int]) -> NDArray[np.int64]:
    """Return the start of each row of these lengths, and the end of the last."""
    # Not np.cumsum: for the single row of a text that a user waits for, calling NumPy takes longer than the work.
    return np.array([0, *accumulate(lengths)], dtype=np.int64)


def is_falling(offsets: NDArray[np.int64]) -> bool:
    """Return whether a row would end before it begins."""
    return bool((offsets[1:] < offsets[:-1]).any())

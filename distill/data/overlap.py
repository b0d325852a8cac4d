"""Validation sentences that are training sentences, too: scores on them say nothing about new texts. Torch-free."""

from collections.abc import Iterator
from unicodedata import normalize

import numpy as np
from numpy.typing import NDArray

from contract.errors import InputError
from distill.data.rows import Rows, Splits

CURE = "use a validation split with different sentences"


def in_training(splits: Splits) -> NDArray[np.bool_]:
    """Return for each of N validation sentences or pairs whether it is in the training split, shape (N,).

    Spaces and the Unicode form of a text do not make it another one.
    """
    train = set(_texts(splits.train))
    return np.array([text in train for text in _texts(splits.validation)], dtype=np.bool_)


def check_splits_differ(splits: Splits) -> None:
    """Check that each split has a sentence that the other does not have.

    Raises:
        InputError: all sentences of a split are also in the other one.
    """
    if set(_texts(splits.train)) <= set(_texts(splits.validation)):
        raise InputError("every training sentence is also in the validation split", CURE)
    if in_training(splits).all():
        raise InputError("every validation sentence is also in the training split", CURE)


def _texts(rows: Rows) -> Iterator[tuple[str, str]]:
    for text, pair in zip(rows.texts, rows.pairs or rows.texts, strict=True):
        yield _plain(text), _plain(pair)


def _plain(text: str) -> str:
    return normalize("NFC", " ".join(text.split()))

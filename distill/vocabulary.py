"""Which rows of a vocabulary a student needs: those of a corpus, the special tokens, and single characters. Torch-free.

Shapes: V pieces of the whole vocabulary, K of the kept.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from contract.errors import InputError
from contract.strict import Strict
from contract.tokens import Tokens

CONTINUING = "##"
Ids = NDArray[np.int64]


class Vocabulary(Strict):
    """How much of the teacher's vocabulary a student keeps.

    Attributes:
        minimum_count: pieces that the corpus has fewer times are dropped, and their words split into shorter ones.
        rows: at most so many pieces, the most frequent first.
    """

    minimum_count: Annotated[int, Field(ge=1)] = 1
    rows: Annotated[int, Field(ge=1)] | None = None


def count(corpora: Iterable[Tokens], size: int) -> Ids:
    """Count how often each piece of a vocabulary is in some sentences, shape (V,)."""
    counts_V = np.zeros(size, dtype=np.int64)
    for tokens in corpora:
        counts_V += np.bincount(tokens.ids_T, minlength=size)
    return counts_V


def choose(pieces: Mapping[str, int], special_ids: Sequence[int], counts_V: Ids, wanted: Vocabulary) -> Ids:
    """Choose the pieces to keep.

    Kept always are the special tokens and, so that words never seen are still split into pieces, each character of the
    corpus and of ASCII, by itself and as a continuation.

    Args:
        pieces: the whole vocabulary, ids by piece.
        special_ids: ids of the special and added tokens.
        counts_V: how often each piece is in the corpus.
        wanted: how much to keep.

    Returns:
        The kept ids in rising order, shape (K,): the place of an id is its new id.

    Raises:
        InputError: more pieces are kept always than `rows` allows.
    """
    counts_V = np.asarray(counts_V)
    seen = {piece.removeprefix(CONTINUING) for piece, place in pieces.items() if counts_V[place]}
    alphabet = {character for piece in seen for character in piece} | {chr(code) for code in range(33, 127)}
    characters = [prefix + character for character in alphabet for prefix in ("", CONTINUING)]
    always = {*special_ids, *(pieces[character] for character in characters if character in pieces)}
    frequent = np.argsort(-counts_V, kind="stable")[: np.count_nonzero(counts_V >= wanted.minimum_count)].tolist()
    others = [place for place in frequent if place not in always]
    if wanted.rows is not None:
        if wanted.rows < len(always):
            raise InputError(
                f"a vocabulary of {wanted.rows} rows has no room for its special tokens and characters",
                f"allow at least {len(always)}",
            )
        others = others[: wanted.rows - len(always)]
    return np.array(sorted({*always, *others}), dtype=np.int64)

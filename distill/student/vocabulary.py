"""Which rows of a vocabulary a student needs: those of some texts, the special tokens, and characters. Torch-free.

Shapes: V pieces of the whole vocabulary, K of the kept.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from contract.errors import InputError
from contract.tokens import Tokens
from distill.recipe.vocabulary import Vocabulary

CONTINUING = "##"
Ids = NDArray[np.int64]


def count(tokens: Tokens, size: int) -> Ids:
    """Count how often each piece of a vocabulary is in some sentences, shape (V,)."""
    return np.bincount(tokens.ids_T, minlength=size)


def choose(
    pieces: Mapping[str, int], special_ids: Sequence[int], counts_V: Ids, corpus_counts_V: Ids, wanted: Vocabulary
) -> Ids:
    """Choose the pieces to keep.

    Kept always are the special tokens and, so that words never seen are still split into pieces, each character of the
    training sentences and of ASCII, by itself and as a continuation.

    Args:
        pieces: the whole vocabulary, ids by piece.
        special_ids: ids of the special and added tokens.
        counts_V: how often each piece is in the training sentences.
        corpus_counts_V: how often it is in the corpus.
        wanted: how much to keep.

    Returns:
        The kept ids in rising order, shape (K,): the place of an id is its new id.

    Raises:
        InputError: more pieces are kept always than `rows` allows.
    """
    seen = {piece.removeprefix(CONTINUING) for piece, place in pieces.items() if counts_V[place]}
    alphabet = {character for piece in seen for character in piece} | {chr(code) for code in range(33, 127)}
    characters = [prefix + character for character in alphabet for prefix in ("", CONTINUING)]
    always = {*special_ids, *(pieces[character] for character in characters if character in pieces)}
    by_count = np.lexsort((-corpus_counts_V, -counts_V))
    frequent = by_count[(counts_V + corpus_counts_V)[by_count] >= wanted.minimum_count].tolist()
    others = [place for place in frequent if place not in always]
    if wanted.rows is not None:
        if wanted.rows < len(always):
            raise InputError(
                f"a vocabulary of {wanted.rows} rows has no room for its special tokens and characters",
                f"allow at least {len(always)}",
            )
        others = others[: wanted.rows - len(always)]
    return np.array(sorted({*always, *others}), dtype=np.int64)

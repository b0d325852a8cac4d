"""Choose the word pieces a student needs: those of some texts, special tokens, and characters. Torch-free.

Shapes: V pieces of the whole vocabulary, K pieces that are kept.
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
    """Count how often each piece of a vocabulary occurs in some sentences, shape (V,)."""
    return np.bincount(tokens.ids_T, minlength=size)


def choose(
    pieces: Mapping[str, int], special_ids: Sequence[int], counts_V: Ids, corpus_counts_V: Ids, settings: Vocabulary
) -> Ids:
    """Choose the pieces to keep.

    The special tokens are always kept and, so that unseen words can still be split into pieces, each character of the
    training sentences and of ASCII, at the start of a word and as a continuation.

    Args:
        pieces: the whole vocabulary, ids by piece.
        special_ids: ids of the special and added tokens.
        counts_V: how often each piece occurs in the training sentences.
        corpus_counts_V: how often each piece occurs in the corpus.
        settings: how many pieces to keep.

    Returns:
        The kept ids in ascending order, shape (K,): the index of an id is its new id.

    Raises:
        InputError: `rows` is lower than the number of pieces that are always kept.
    """
    occurring = {piece.removeprefix(CONTINUING) for piece, number in pieces.items() if counts_V[number]}
    alphabet = {character for piece in occurring for character in piece} | {chr(code) for code in range(33, 127)}
    characters = [prefix + character for character in alphabet for prefix in ("", CONTINUING)]
    always = {*special_ids, *(pieces[character] for character in characters if character in pieces)}
    by_count = np.lexsort((-corpus_counts_V, -counts_V))
    frequent = by_count[(counts_V + corpus_counts_V)[by_count] >= settings.minimum_count].tolist()
    others = [number for number in frequent if number not in always]
    if settings.rows is not None:
        if settings.rows < len(always):
            raise InputError(
                f"a vocabulary of {settings.rows} rows has no room for its special tokens and characters",
                f"allow at least {len(always)}",
            )
        others = others[: settings.rows - len(always)]
    return np.array(sorted({*always, *others}), dtype=np.int64)

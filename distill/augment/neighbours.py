"""Words near a word: by word vectors, or by a list of pairs. Torch-free."""

from collections.abc import Collection, Iterator
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from contract.errors import InputError

PAIRS_SUFFIX = ".tsv"
# Files of word vectors begin with the most frequent words; beyond these come misspellings and rare names.
MOST_VECTORS = 200_000
WORDS_A_BLOCK = 256

Neighbours = dict[str, tuple[str, ...]]


def read(path: Path, words: Collection[str], count: int) -> Neighbours:
    """Return the neighbours of words, in lower case; a word that has none is left out.

    A list of pairs has no order, so all partners of a word are its neighbours there; of vectors the nearest are.

    Args:
        path: a .tsv of two columns under a header line, or word vectors in the text format of GloVe or word2vec.
        words: the words, in lower case.
        count: nearest words by vectors (K).

    Raises:
        InputError: the file cannot be read as such.
    """
    try:
        with path.open(encoding="utf-8") as file:
            lines = (line.rstrip("\r\n") for line in file)
            if path.suffix == PAIRS_SUFFIX:
                return _partners(lines, path, words)
            vocabulary, vectors_ND = _vectors(islice(lines, MOST_VECTORS + 1), path)
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise InputError(f"{path}: cannot be read ({reason})", "see augmentation.neighbours") from error
    return _nearest(vocabulary, vectors_ND, words, count)


def _partners(lines: Iterator[str], path: Path, words: Collection[str]) -> Neighbours:
    # A dictionary for its order: the same file gives the same candidates in any process.
    found: dict[str, dict[str, None]] = {}
    wanted = set(words)
    for number, line in enumerate(lines, start=1):
        columns = line.split("\t")
        if len(columns) != 2 or not all(columns):
            raise InputError(f"{path}:{number}: not two words with a tab between them")
        if number == 1:
            continue
        one, other = columns
        for word, partner in ((one.lower(), other), (other.lower(), one)):
            if word in wanted and partner.lower() != word:
                found.setdefault(word, {})[partner] = None
    return {word: tuple(partners) for word, partners in found.items()}


def _vectors(lines: Iterator[str], path: Path) -> tuple[list[str], NDArray[np.float32]]:
    vocabulary: list[str] = []
    vectors: list[NDArray[np.float32]] = []
    for number, line in enumerate(lines, start=1):
        word, _, numbers = line.rstrip().partition(" ")
        if number == 1 and word.isdecimal() and numbers.isdecimal():
            continue  # word2vec counts its words and their numbers first
        try:
            vector_D = np.array(numbers.split(" "), dtype=np.float32)
        except ValueError as error:
            raise InputError(f"{path}:{number}: not a word and its vector") from error
        if vectors and len(vector_D) != len(vectors[0]):
            raise InputError(f"{path}:{number}: {len(vector_D)} numbers, where the first word has {len(vectors[0])}")
        if word.isalpha():
            vocabulary.append(word)
            vectors.append(vector_D)
    if not vectors:
        raise InputError(f"{path}: holds no word vectors")
    return vocabulary, np.stack(vectors)


def _nearest(vocabulary: list[str], vectors_ND: NDArray[np.float32], words: Collection[str], count: int) -> Neighbours:
    lengths_N1 = np.linalg.norm(vectors_ND, axis=1, keepdims=True)
    unit_ND = vectors_ND / np.maximum(lengths_N1, np.finfo(np.float32).tiny)
    rows: dict[str, int] = {}
    for row, word in enumerate(vocabulary):
        rows.setdefault(word.lower(), row)
    known = sorted(word for word in set(words) if word in rows)
    found: Neighbours = {}
    for start in range(0, len(known), WORDS_A_BLOCK):
        block = known[start : start + WORDS_A_BLOCK]
        cosines_BN = unit_ND[[rows[word] for word in block]] @ unit_ND.T
        # The word itself is among its nearest, once in each case it is written in.
        best_BK = _highest(cosines_BN, min(count + 3, len(vocabulary)))
        for word, best_K in zip(block, best_BK, strict=True):
            near = [vocabulary[row] for row in best_K if vocabulary[row].lower() != word]
            found[word] = tuple(dict.fromkeys(near))[:count]
    return {word: near for word, near in found.items() if near}


def _highest(values_BN: NDArray[np.float32], count: int) -> NDArray[np.intp]:
    """Return the columns of each row's highest values, the highest first, shape (B, count)."""
    some_BK = np.argpartition(-values_BN, count - 1, axis=1)[:, :count]
    order_BK = np.argsort(-np.take_along_axis(values_BN, some_BK, axis=1), axis=1, kind="stable")
    highest_BK: NDArray[np.intp] = np.take_along_axis(some_BK, order_BK, axis=1)
    return highest_BK

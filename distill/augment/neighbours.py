"""Neighbours of words, from word vectors or a list of word pairs. Torch-free."""

from collections.abc import Collection, Iterator
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from contract.errors import InputError

PAIRS_SUFFIX = ".tsv"
# Files of word vectors start with the most frequent words; further down come misspellings and rare names.
MAX_VECTORS = 200_000
WORDS_PER_BLOCK = 256

Neighbours = dict[str, tuple[str, ...]]


def read(path: Path, words: Collection[str], count: int) -> Neighbours:
    """Return the neighbours of words by lower-case word; words without neighbours are left out.

    Word pairs have no order, so all partners of a word are its neighbours; of word vectors, the nearest words are.

    Args:
        path: .tsv with two columns and a header line, or word vectors in the text format of GloVe or word2vec.
        words: words in lower case.
        count: number of nearest words to take from word vectors (K).

    Raises:
        InputError: the file cannot be read in its format.
    """
    try:
        with path.open(encoding="utf-8") as file:
            lines = (line.rstrip("\r\n") for line in file)
            if path.suffix == PAIRS_SUFFIX:
                return _partners(lines, path, words)
            vocabulary, vectors_ND = _vectors(islice(lines, MAX_VECTORS + 1), path)
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise InputError(f"{path}: cannot be read ({reason})", "see augmentation.neighbours") from error
    return _nearest(vocabulary, vectors_ND, words, count)


def _partners(lines: Iterator[str], path: Path, words: Collection[str]) -> Neighbours:
    # The inner dictionary is an ordered set: the same file gives the same candidates in any process.
    partners_of: dict[str, dict[str, None]] = {}
    wanted = set(words)
    for number, line in enumerate(lines, start=1):
        columns = line.split("\t")
        if len(columns) != 2 or not all(columns):
            raise InputError(f"{path}:{number}: not two words separated by a tab")
        if number == 1:
            continue
        first, second = columns
        for word, partner in ((first.lower(), second), (second.lower(), first)):
            if word in wanted and partner.lower() != word:
                partners_of.setdefault(word, {})[partner] = None
    return {word: tuple(partners) for word, partners in partners_of.items()}


def _vectors(lines: Iterator[str], path: Path) -> tuple[list[str], NDArray[np.float32]]:
    vocabulary: list[str] = []
    vectors: list[NDArray[np.float32]] = []
    for number, line in enumerate(lines, start=1):
        word, _, numbers = line.rstrip().partition(" ")
        if number == 1 and word.isdecimal() and numbers.isdecimal():
            continue  # word2vec files start with the number of words and dimensions
        try:
            vector_D = np.array(numbers.split(" "), dtype=np.float32)
        except ValueError as error:
            raise InputError(f"{path}:{number}: not a word and its vector") from error
        if vectors and len(vector_D) != len(vectors[0]):
            raise InputError(f"{path}:{number}: {len(vector_D)} numbers, but the first word has {len(vectors[0])}")
        if word.isalpha():
            vocabulary.append(word)
            vectors.append(vector_D)
    if not vectors:
        raise InputError(f"{path}: contains no word vectors")
    return vocabulary, np.stack(vectors)


def _nearest(vocabulary: list[str], vectors_ND: NDArray[np.float32], words: Collection[str], count: int) -> Neighbours:
    lengths_N1 = np.linalg.norm(vectors_ND, axis=1, keepdims=True)
    unit_ND = vectors_ND / np.maximum(lengths_N1, np.finfo(np.float32).tiny)
    rows: dict[str, int] = {}
    for row, word in enumerate(vocabulary):
        rows.setdefault(word.lower(), row)
    known = sorted(word for word in set(words) if word in rows)
    neighbours: Neighbours = {}
    for start in range(0, len(known), WORDS_PER_BLOCK):
        block = known[start : start + WORDS_PER_BLOCK]
        cosines_BN = unit_ND[[rows[word] for word in block]] @ unit_ND.T
        # The nearest words include the word itself, once in each capitalisation.
        best_BK = _highest(cosines_BN, min(count + 3, len(vocabulary)))
        for word, best_K in zip(block, best_BK, strict=True):
            nearest = [vocabulary[row] for row in best_K if vocabulary[row].lower() != word]
            neighbours[word] = tuple(dict.fromkeys(nearest))[:count]
    return {word: nearest for word, nearest in neighbours.items() if nearest}


def _highest(values_BN: NDArray[np.float32], count: int) -> NDArray[np.intp]:
    """Return the columns of the highest values in each row, in descending order, shape (B, count)."""
    top_BK = np.argpartition(-values_BN, count - 1, axis=1)[:, :count]
    order_BK = np.argsort(-np.take_along_axis(values_BN, top_BK, axis=1), axis=1, kind="stable")
    highest_BK: NDArray[np.intp] = np.take_along_axis(top_BK, order_BK, axis=1)
    return highest_BK

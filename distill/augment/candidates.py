"""Find the replacement candidates of each word, once per text: they depend on the original text and the position."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from distill.augment import neighbours as word_neighbours
from distill.augment import segmenter
from distill.augment.fill_mask import MaskedWord, fill_mask
from distill.augment.masked_lm import MaskedLM
from distill.augment.words import Word, words_of
from distill.recipe.augmentation import Augmentation

TEXTS_PER_CHUNK = 1_000
# Longer words are mostly names and idioms that have no substitute.
MAX_CHARACTERS = 4


@dataclass(frozen=True, slots=True)
class WordCandidates:
    """A word of a text and its replacement candidates, at least one."""

    word: Word
    candidates: tuple[str, ...]


def find_candidates(
    texts: Sequence[str], settings: Augmentation, lm: MaskedLM | None, neighbours: Path | None
) -> list[tuple[WordCandidates, ...]]:
    """Return the words of each text that have candidates.

    Jiao et al., TinyBERT, Algorithm 1: a word that is a single token gets the K most probable words of the masked LM, a
    word of several tokens its K nearest neighbours. As in the authors' code, the masked LM sees the original text
    rather than the words replaced so far, so that it is asked once per word and not once per sample; a word is not a
    candidate for itself. Several words of a text are masked at a time, see `masked_share`.

    Args:
        texts: N texts.
        settings: the recipe's [augmentation] section.
        lm: the masked LM, or None to take the candidates of all words from `neighbours`.
        neighbours: file of word vectors or word pairs, or None for no such candidates.

    Raises:
        InputError: the neighbours cannot be read, or Chinese words cannot be segmented.
    """
    words = [words_of(text, settings.unit, keep_function_words=settings.keep_function_words) for text in texts]
    candidates: list[dict[Word, tuple[str, ...]]] = [{} for _ in texts]
    if lm is not None:
        _add_predicted(texts, words, settings, lm, candidates)
    if neighbours is not None:
        missing = {
            word.text.lower()
            for row, row_words in enumerate(words)
            for word in row_words
            if word not in candidates[row]
        }
        nearest = word_neighbours.read(neighbours, missing, settings.candidates)
        for row, row_words in enumerate(words):
            for word in row_words:
                candidates[row].setdefault(word, nearest.get(word.text.lower(), ()))
    return [
        tuple(WordCandidates(word, candidates[row][word]) for word in row_words if candidates[row].get(word))
        for row, row_words in enumerate(words)
    ]


def maskable_words(
    texts: Sequence[str], words: Sequence[tuple[Word, ...]], lm: MaskedLM
) -> list[tuple[int, Word, MaskedWord]]:
    """Return the words that the masked LM can predict, each with the index of its text."""
    maskable = []
    for start in range(0, len(texts), TEXTS_PER_CHUNK):
        chunk = list(texts[start : start + TEXTS_PER_CHUNK])
        encoded = lm.tokenizer(
            chunk, truncation=False, return_offsets_mapping=True, return_special_tokens_mask=True, verbose=False
        )
        for row in range(len(chunk)):
            ids_L = np.array(encoded["input_ids"][row], dtype=np.int64)
            inside = np.flatnonzero(np.array(encoded["special_tokens_mask"][row]) == 0)
            tokens = {tuple(encoded["offset_mapping"][row][position]): int(position) for position in inside}
            for word in words[start + row]:
                length = len(word.text) if word.is_chinese else 1
                first = _first_token(word, length, tokens)
                if first is None or lm.tokenizer.unk_token_id in ids_L[first : first + length]:
                    continue
                masked = MaskedWord(
                    ids_L=ids_L,
                    before=int(inside[0]),
                    after=len(ids_L) - 1 - int(inside[-1]),
                    first=first,
                    length=length,
                    chinese=word.is_chinese,
                )
                maskable.append((start + row, word, masked))
    return maskable


def _add_predicted(
    texts: Sequence[str],
    words: Sequence[tuple[Word, ...]],
    settings: Augmentation,
    lm: MaskedLM,
    candidates: list[dict[Word, tuple[str, ...]]],
) -> None:
    """Add the masked LM's candidates for all words that are a single token, or Chinese with a token per character."""
    maskable = maskable_words(texts, words, lm)
    # One extra, because the word itself is usually among the predictions.
    predictions = fill_mask(lm, [masked for _, _, masked in maskable], settings.candidates + 1, settings)
    for (row, word, masked), predicted in zip(maskable, predictions, strict=True):
        others = [candidate for candidate in predicted if candidate.lower() != word.text.lower()]
        if masked.length > 1:
            others = [candidate for candidate in others if segmenter.is_word(candidate)]
        if others:
            candidates[row][word] = tuple(others[: settings.candidates])


def _first_token(word: Word, length: int, tokens: dict[tuple[int, int], int]) -> int | None:
    """Return the position of a word's first token if the word is made of `length` tokens of equal width, else None."""
    if length > MAX_CHARACTERS:
        return None
    step = (word.end - word.start) // length
    positions = [tokens.get((word.start + step * part, word.start + step * (part + 1))) for part in range(length)]
    return None if None in positions else positions[0]

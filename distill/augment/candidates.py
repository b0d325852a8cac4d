"""The candidates of every word of every text, each found once: they depend on the text as it was and on the place."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from distill.augment import neighbours as nearby
from distill.augment import segmenter
from distill.augment.fill import Blank, fill
from distill.augment.masked_lm import MaskedLM
from distill.augment.words import Word, words_of
from distill.recipe.augmentation import Augmentation

TEXTS_A_CHUNK = 1_000
# Longer words are mostly names and idioms that have no substitute.
MOST_CHARACTERS = 4


@dataclass(frozen=True, slots=True)
class Choice:
    """A word of a text and what may stand there instead; it has at least one candidate."""

    word: Word
    candidates: tuple[str, ...]


def candidates(
    texts: Sequence[str], settings: Augmentation, lm: MaskedLM | None, neighbours: Path | None
) -> list[tuple[Choice, ...]]:
    """Return the words of each text that have candidates.

    Jiao et al., TinyBERT, Algorithm 1: the K most probable words of the masked LM for a word that is a single token of
    it, the K nearest words for one of several. As in the authors' code, the masked LM sees the text as it was, not the
    words replaced before, so that a word is asked for once and not once a sample; a word is no candidate for itself.
    Several words of a text are masked at a time, see `masked_share`.

    Args:
        texts: N texts.
        settings: of the augmentation.
        lm: the masked LM, or None: then all words have the candidates that several-token words have.
        neighbours: word vectors or pairs, or None: then those words have none.

    Raises:
        InputError: the neighbours cannot be read, or Chinese words cannot be told apart.
    """
    words = [words_of(text, settings.unit, keep_function_words=settings.keep_function_words) for text in texts]
    found: list[dict[Word, tuple[str, ...]]] = [{} for _ in texts]
    if lm is not None:
        _ask(texts, words, settings, lm, found)
    if neighbours is not None:
        missing = {word.text.lower() for row, of_text in enumerate(words) for word in of_text if word not in found[row]}
        near = nearby.read(neighbours, missing, settings.candidates)
        for row, of_text in enumerate(words):
            for word in of_text:
                found[row].setdefault(word, near.get(word.text.lower(), ()))
    return [
        tuple(Choice(word, found[row][word]) for word in of_text if found[row].get(word))
        for row, of_text in enumerate(words)
    ]


def blanks_of(texts: Sequence[str], words: Sequence[tuple[Word, ...]], lm: MaskedLM) -> list[tuple[int, Word, Blank]]:
    """Return the words that the masked LM can be asked for, with the row of their text."""
    found = []
    for start in range(0, len(texts), TEXTS_A_CHUNK):
        chunk = list(texts[start : start + TEXTS_A_CHUNK])
        encoded = lm.tokenizer(
            chunk, truncation=False, return_offsets_mapping=True, return_special_tokens_mask=True, verbose=False
        )
        for row in range(len(chunk)):
            ids_L = np.array(encoded["input_ids"][row], dtype=np.int64)
            inside = np.flatnonzero(np.array(encoded["special_tokens_mask"][row]) == 0)
            tokens = {tuple(encoded["offset_mapping"][row][place]): int(place) for place in inside}
            for word in words[start + row]:
                length = len(word.text) if word.is_chinese else 1
                first = _first_token(word, length, tokens)
                if first is None or lm.tokenizer.unk_token_id in ids_L[first : first + length]:
                    continue
                blank = Blank(
                    ids_L=ids_L,
                    before=int(inside[0]),
                    after=len(ids_L) - 1 - int(inside[-1]),
                    first=first,
                    length=length,
                    chinese=word.is_chinese,
                )
                found.append((start + row, word, blank))
    return found


def _ask(
    texts: Sequence[str],
    words: Sequence[tuple[Word, ...]],
    settings: Augmentation,
    lm: MaskedLM,
    found: list[dict[Word, tuple[str, ...]]],
) -> None:
    """Add the masked LM's candidates of all words that are single tokens, or Chinese words of single tokens."""
    asked: list[tuple[int, Word]] = []
    blanks: list[Blank] = []
    for row, word, blank in blanks_of(texts, words, lm):
        asked.append((row, word))
        blanks.append(blank)
    # One more, as the word itself is mostly among them.
    filled = fill(lm, blanks, settings.candidates + 1, settings)
    for (row, word), blank, answers in zip(asked, blanks, filled, strict=True):
        others = [answer for answer in answers if answer.lower() != word.text.lower()]
        if blank.length > 1:
            others = [answer for answer in others if segmenter.knows(answer)]
        if others:
            found[row][word] = tuple(others[: settings.candidates])


def _first_token(word: Word, length: int, tokens: dict[tuple[int, int], int]) -> int | None:
    """Return the first of a word's tokens if it has `length` tokens, each of them a part of like length."""
    if length > MOST_CHARACTERS:
        return None
    step = (word.end - word.start) // length
    places = [tokens.get((word.start + step * part, word.start + step * (part + 1))) for part in range(length)]
    return None if None in places else places[0]

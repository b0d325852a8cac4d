"""Words joined to the text that people would write."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# Scripts that are written without spaces between words, by the beginnings of their characters' Unicode names.
UNSPACED = ("CJK", "HIRAGANA", "KATAKANA", "THAI", "LAO", "KHMER", "MYANMAR", "FULLWIDTH", "IDEOGRAPHIC")


@dataclass(frozen=True, kw_only=True, slots=True)
class Spelled:
    """A text made of words.

    Attributes:
        text: the words in one line.
        spans_W2: where each of W words begins and ends in it, in characters.
    """

    text: str
    spans_W2: NDArray[np.int64]


def spell(words: Sequence[str]) -> Spelled:
    """Join words: with a space between them, but none where a script has none.

    A text in such a script, cut into single characters, is joined without any space: its Latin letters and digits stand
    character by character, too.

    Args:
        words: of one sentence.
    """
    by_character = all(len(word) == 1 for word in words) and any(map(_is_unspaced, words))
    parts: list[str] = []
    spans = []
    length = 0
    for number, word in enumerate(words):
        if number and not by_character and not _is_unspaced(words[number - 1][-1]) and not _is_unspaced(word[0]):
            parts.append(" ")
            length += 1
        parts.append(word)
        spans.append((length, length + len(word)))
        length += len(word)
    return Spelled(text="".join(parts), spans_W2=np.asarray(spans, dtype=np.int64).reshape(-1, 2))


def _is_unspaced(character: str) -> bool:
    return unicodedata.name(character, "").startswith(UNSPACED)

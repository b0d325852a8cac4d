"""Join words to natural text."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# Scripts written without spaces between words, by the prefix of their characters' Unicode names.
UNSPACED = ("CJK", "HIRAGANA", "KATAKANA", "THAI", "LAO", "KHMER", "MYANMAR", "FULLWIDTH", "IDEOGRAPHIC")


@dataclass(frozen=True, kw_only=True, slots=True)
class Detokenised:
    """A text joined from words.

    Attributes:
        text: the text.
        spans_W2: start and end of each of the W words in the text, in characters.
    """

    text: str
    spans_W2: NDArray[np.int64]


def detokenise(words: Sequence[str]) -> Detokenised:
    """Join the words of a sentence with spaces, but without spaces next to scripts that do not use them.

    If all words are single characters and some belong to such a script, no spaces are inserted at all: data that is
    split into characters splits Latin words and numbers, too.
    """
    by_character = all(len(word) == 1 for word in words) and any(map(_is_unspaced, words))
    parts: list[str] = []
    spans = []
    length = 0
    for index, word in enumerate(words):
        if index and not by_character and not _is_unspaced(words[index - 1][-1]) and not _is_unspaced(word[0]):
            parts.append(" ")
            length += 1
        parts.append(word)
        spans.append((length, length + len(word)))
        length += len(word)
    return Detokenised(text="".join(parts), spans_W2=np.asarray(spans, dtype=np.int64).reshape(-1, 2))


def _is_unspaced(character: str) -> bool:
    return unicodedata.name(character, "").startswith(UNSPACED)

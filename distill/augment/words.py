"""The words of a text that may be replaced, by their place in it."""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

from distill.augment import segmenter
from distill.augment.function_words import FUNCTION_WORDS
from distill.recipe.augmentation import Unit

CHINESE = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0002fa1f"
APOSTROPHES = "'\u2019"
LETTER = rf"(?![{CHINESE}])[^\W\d_]"
# Addresses, tags, mentions; Chinese runs; words with an inner apostrophe (but not a possessive), and no part of `mp3`.
PARTS = re.compile(
    r"(?P<other>https?://\S+|www\.\S+|\S+@\S+|[@#]\w+|</?\w[^<>]*>)"
    rf"|(?P<chinese>[{CHINESE}]+)"
    rf"|(?<!(?![{CHINESE}])\w)(?P<word>(?:{LETTER})++(?:[{APOSTROPHES}](?!s\b)(?:{LETTER})++)*+)(?![\d_])",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Word:
    """A word that may be replaced.

    Attributes:
        start, end: its characters in the text.
        text: the word as it stands there.
    """

    start: int
    end: int
    text: str

    @property
    def is_chinese(self) -> bool:
        """Whether it is written in Chinese characters."""
        return is_chinese(self.text)


def is_chinese(text: str) -> bool:
    """Tell whether a text is of Chinese characters only."""
    return re.fullmatch(rf"[{CHINESE}]+", text) is not None


def words_of(text: str, unit: Unit, *, keep_function_words: bool) -> tuple[Word, ...]:
    """Return the words that may be replaced: no numbers, punctuation, addresses, tags or mentions.

    Args:
        text: a sentence or more.
        unit: of Chinese.
        keep_function_words: leave those out too.

    Raises:
        InputError: Chinese words are asked for, and nothing is installed that finds them.
    """
    found = []
    for word in _words(text, unit):
        function_word = word.text.lower().replace(APOSTROPHES[1], APOSTROPHES[0]) in FUNCTION_WORDS
        # A letter with a mark of its own after it is cut in two by the pattern.
        cut = unicodedata.category(text[word.end : word.end + 1] or " ").startswith("M")
        if not cut and not (keep_function_words and function_word):
            found.append(word)
    return tuple(found)


def _words(text: str, unit: Unit) -> Iterator[Word]:
    for part in PARTS.finditer(text):
        if part["chinese"] is not None:
            place = part.start()
            for piece in part["chinese"] if unit == "character" else segmenter.cut(part["chinese"]):
                yield Word(place, place + len(piece), piece)
                place += len(piece)
        elif part["word"] is not None:
            yield Word(part.start("word"), part.end("word"), part["word"])

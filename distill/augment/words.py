"""Find the words of a text that may be replaced, with their positions."""

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
# Addresses, tags, mentions; Chinese runs; words, also with an inner apostrophe (not a possessive); no part of `mp3`.
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
        start, end: position in the text, in characters.
        text: the word as spelled in the text.
    """

    start: int
    end: int
    text: str

    @property
    def is_chinese(self) -> bool:
        """Whether the word is written in Chinese characters."""
        return is_chinese(self.text)


def is_chinese(text: str) -> bool:
    """Return whether a text consists of Chinese characters only."""
    return re.fullmatch(rf"[{CHINESE}]+", text) is not None


def words_of(text: str, unit: Unit, *, keep_function_words: bool) -> tuple[Word, ...]:
    """Return the words that may be replaced: no numbers, punctuation, addresses, tags or mentions.

    Args:
        text: one or more sentences.
        unit: unit of replacement in Chinese.
        keep_function_words: leave out function words, too.

    Raises:
        InputError: the text has Chinese words, but no segmenter is installed.
    """
    words = []
    for word in _words(text, unit):
        is_function_word = word.text.lower().replace(APOSTROPHES[1], APOSTROPHES[0]) in FUNCTION_WORDS
        # The pattern splits a word at a combining mark.
        is_split = unicodedata.category(text[word.end : word.end + 1] or " ").startswith("M")
        if not is_split and not (keep_function_words and is_function_word):
            words.append(word)
    return tuple(words)


def _words(text: str, unit: Unit) -> Iterator[Word]:
    for part in PARTS.finditer(text):
        if part["chinese"] is not None:
            start = part.start()
            for piece in part["chinese"] if unit == "character" else segmenter.cut(part["chinese"]):
                yield Word(start, start + len(piece), piece)
                start += len(piece)
        elif part["word"] is not None:
            yield Word(part.start("word"), part.end("word"), part["word"])

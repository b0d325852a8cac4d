"""Chinese word segmentation with jieba, an optional dependency."""

import logging
import warnings
from typing import Any

from contract.errors import InputError, install


def cut(text: str) -> list[str]:
    """Split Chinese characters into words; joining the words gives the input again.

    Raises:
        InputError: jieba is not installed.
    """
    return list(_library().cut(text))


def is_word(word: str) -> bool:
    """Return whether a string of Chinese characters is in the dictionary.

    Raises:
        InputError: jieba is not installed.
    """
    return bool(_library().dt.FREQ.get(word))


def _library() -> Any:
    try:
        with warnings.catch_warnings():
            # Its source contains escapes that newer Python versions warn about.
            warnings.simplefilter("ignore")
            import jieba
    except ModuleNotFoundError as error:
        raise InputError(
            "a text contains Chinese, but jieba, which splits it into words, is not installed",
            f"{install('chinese')}, or set augmentation.unit to 'character'",
        ) from error
    jieba.setLogLevel(logging.ERROR)
    jieba.initialize()
    return jieba

"""Chinese words, by the library jieba where it is installed."""

import logging
import warnings
from typing import Any

from contract.errors import InputError


def cut(text: str) -> list[str]:
    """Cut a run of Chinese characters into words; joined they are the run again.

    Raises:
        InputError: jieba is not installed.
    """
    return list(_library().cut(text))


def knows(word: str) -> bool:
    """Tell whether a string of Chinese characters is a word of the dictionary.

    Raises:
        InputError: jieba is not installed.
    """
    return bool(_library().dt.FREQ.get(word))


def _library() -> Any:
    try:
        with warnings.catch_warnings():
            # Its source has escapes that newer versions of Python warn of.
            warnings.simplefilter("ignore")
            import jieba
    except ModuleNotFoundError as error:
        raise InputError(
            "a text holds Chinese, and no library is installed that finds Chinese words",
            "run: pip install 'tinybert-edge[chinese]', or set augmentation.unit to 'character'",
        ) from error
    jieba.setLogLevel(logging.ERROR)
    jieba.initialize()
    return jieba

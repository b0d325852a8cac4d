"""The inputs of a model: a text, or a pair of texts."""

from collections.abc import Mapping
from typing import NamedTuple

from contract.errors import InputError

# A model reads some hundred tokens. A text this long is a whole file by accident, and takes minutes to tokenize.
LIMIT_CHARACTERS = 500_000

Text = str | tuple[str, str] | Mapping[str, str]
"""A text, or a pair as a tuple or, as for transformers' pipelines, as `{"text": …, "text_pair": …}`."""


class Example(NamedTuple):
    """A checked text, with its second text if it is a pair."""

    text: str
    pair: str | None = None


def read(value: Text, source: str = "text") -> Example:
    """Check a user's text or pair.

    Args:
        value: a text or a pair.
        source: its name, to begin an error with, such as `data.csv:7`.

    Raises:
        TypeError: it is neither a string nor a pair of strings.
        InputError: a text is empty, too long, or not valid Unicode.
    """
    if isinstance(value, str):
        return Example(_checked(value, source))
    first, second = _pair(value, source)
    return Example(_checked(first, source), None if second is None else _checked(second, source))


def _pair(value: object, source: str) -> tuple[object, object]:
    if isinstance(value, tuple) and len(value) == 2:
        return value
    if isinstance(value, Mapping) and "text" in value and not value.keys() - {"text", "text_pair"}:
        return value["text"], value.get("text_pair")
    raise TypeError(f"{source}: expected a str or a pair (str, str), got {_described(value)}")


def _checked(value: object, source: str) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{source}: expected a str, got {_described(value)}")
    if not value or value.isspace():
        raise InputError(f"{source}: empty", "give it at least one word")
    if len(value) > LIMIT_CHARACTERS:
        raise InputError(f"{source}: {len(value):,} characters, the limit is {LIMIT_CHARACTERS:,}", "split it")
    if "\0" in value:
        raise InputError(f"{source}: contains a NUL character", "decode it as UTF-8 text")
    try:
        value.encode()
    except UnicodeEncodeError as error:
        cause = f"{source}: contains a lone surrogate at character {error.start}"
        raise InputError(cause, "decode it as UTF-8 text") from error
    return value


def _described(value: object) -> str:
    return f"{type(value).__name__} of {len(value)}" if isinstance(value, tuple) else type(value).__name__

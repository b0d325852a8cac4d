"""Reads the tokenizer.json of a folder, with errors of one line."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from contract.errors import InputError
from contract.files import read_limited

if TYPE_CHECKING:
    from tokenizers import Tokenizer

PADDING = ("[PAD]", "<pad>")
# The largest known have some 20 MiB.
LIMIT_BYTES = 2**26
# Of those in use, none makes a text more than a few times as long.
GROWTH_LIMIT = 1_000
CURE = "make its folder again"
# What Rust code raises instead of crashing; a BaseException, of a class that cannot be imported.
PANIC = "PanicException"
STDERR = 2
_silencing = Lock()


def read_tokenizer(path: Path) -> "Tokenizer":
    """Read a tokenizer.

    Raises:
        InputError: the file is missing, too large, or not a tokenizer.
    """
    try:
        return parse_tokenizer(read_limited(path, LIMIT_BYTES), str(path))
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})", CURE) from error


def parse_tokenizer(data: bytes, source: str) -> "Tokenizer":
    """Return the tokenizer from a file's bytes.

    Raises:
        InputError: it is not a tokenizer, or cannot even tokenize an empty text.
    """
    from tokenizers import Tokenizer

    cause = f"{source}: not a tokenizer"
    with _refusing(cause), _silenced():
        tokenizer = Tokenizer.from_buffer(data)
    _check_growth(tokenizer, source)
    with _refusing(cause), _silenced():
        # Only the template of special tokens is used, which the library does not check on reading.
        tokenizer.encode("")
        tokenizer.encode("", "")
    return tokenizer


def _check_growth(tokenizer: "Tokenizer", source: str) -> None:
    """Refuse a normalizer that would make of a text one that no memory holds: replacements multiply."""
    if tokenizer.normalizer is None:
        return
    growth = 1
    # Its state is the JSON that the library read; the whole file, with its vocabulary, takes long to read again.
    for content in _contents(json.loads(tokenizer.normalizer.__getstate__())):
        growth *= max(1, len(content))
        if growth > GROWTH_LIMIT:
            raise InputError(f"{source}: its normalizer makes texts more than {GROWTH_LIMIT} times as long", CURE)


def _contents(value: object) -> Iterator[str]:
    """Yield what a normalizer puts into a text, in any depth."""
    if isinstance(value, dict):
        for name in ("content", "prepend"):
            if isinstance(value.get(name), str):
                yield value[name]
        value = list(value.values())
    if isinstance(value, list):
        for entry in value:
            yield from _contents(entry)


@contextmanager
def failing_as_input(source: str) -> Iterator[None]:
    """Turn whatever the library raises inside the block, also a panic, into an error of one line.

    Raises:
        InputError: it could not do what the block asks.
    """
    with _refusing(f"{source}: cannot tokenize this text"):
        yield


def pad_id_of(tokenizer: "Tokenizer") -> int:
    """Return the token id to pad with; 0 if the tokenizer has none of the usual padding tokens."""
    ids = [tokenizer.token_to_id(token) for token in PADDING]
    return next((pad_id for pad_id in ids if pad_id is not None), 0)


def vocabulary_of(tokenizer: "Tokenizer") -> int:
    """Return the number that all of a tokenizer's ids are below."""
    return 1 + max(tokenizer.get_vocab(with_added_tokens=True).values(), default=-1)


@contextmanager
def _refusing(cause: str) -> Iterator[None]:
    try:
        yield
    except BaseException as error:  # the library raises plain Exception, or panics
        if not isinstance(error, Exception) and type(error).__name__ != PANIC:
            raise
        reason = " ".join(str(error).split())
        raise InputError(f"{cause} ({reason})", CURE) from error


@contextmanager
def _silenced() -> Iterator[None]:
    """Keep what a panic prints, from Rust, out of the terminal."""
    with _silencing:
        kept, nowhere = os.dup(STDERR), os.open(os.devnull, os.O_WRONLY)
        try:
            os.dup2(nowhere, STDERR)
            yield
        finally:
            os.dup2(kept, STDERR)
            os.close(kept)
            os.close(nowhere)

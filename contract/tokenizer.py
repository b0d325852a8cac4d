"""Reads the tokenizer.json of a folder, with errors of one line."""

from pathlib import Path
from typing import TYPE_CHECKING

from contract.errors import InputError

if TYPE_CHECKING:
    from tokenizers import Tokenizer

PADDING = ("[PAD]", "<pad>")


def read_tokenizer(path: Path) -> "Tokenizer":
    """Read a tokenizer.

    Raises:
        InputError: the file is missing or not a tokenizer.
    """
    try:
        return parse_tokenizer(path.read_bytes(), str(path))
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})", "make its folder again") from error


def parse_tokenizer(data: bytes, source: str) -> "Tokenizer":
    """Return the tokenizer from a file's bytes.

    Raises:
        InputError: it is not a tokenizer.
    """
    from tokenizers import Tokenizer

    try:
        return Tokenizer.from_buffer(data)
    except Exception as error:  # the library raises plain Exception
        reason = " ".join(str(error).split())
        raise InputError(f"{source}: not a tokenizer ({reason})", "make its folder again") from error


def pad_id_of(tokenizer: "Tokenizer") -> int:
    """Return the token id to pad with; 0 if the tokenizer has none of the usual padding tokens."""
    ids = [tokenizer.token_to_id(token) for token in PADDING]
    return next((pad_id for pad_id in ids if pad_id is not None), 0)

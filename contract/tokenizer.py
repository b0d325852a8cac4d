"""A folder's tokenizer.json, read or refused in one line."""

from pathlib import Path
from typing import TYPE_CHECKING

from contract.errors import InputError

if TYPE_CHECKING:
    from tokenizers import Tokenizer

PADDING = ("[PAD]", "<pad>")


def read_tokenizer(path: Path) -> "Tokenizer":
    """Read a tokenizer.

    Raises:
        InputError: the file is missing, or no tokenizer.
    """
    try:
        return parse_tokenizer(path.read_bytes(), str(path))
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})", "make its folder again") from error


def parse_tokenizer(data: bytes, source: str) -> "Tokenizer":
    """Return the tokenizer that a file holds.

    Raises:
        InputError: it holds none.
    """
    from tokenizers import Tokenizer

    try:
        return Tokenizer.from_buffer(data)
    except Exception as error:  # the library has no class of its own for it
        reason = " ".join(str(error).split())
        raise InputError(f"{source}: not a tokenizer ({reason})", "make its folder again") from error


def pad_id_of(tokenizer: "Tokenizer") -> int:
    """Return the token id that texts are padded with; 0 where the tokenizer has no padding token known here."""
    found = [tokenizer.token_to_id(token) for token in PADDING]
    return next((number for number in found if number is not None), 0)

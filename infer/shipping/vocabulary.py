"""Checks that no token id is out of range, because OpenVINO would answer from whatever lies behind the embedding."""

import json
from typing import TYPE_CHECKING, BinaryIO

from contract.errors import InputError
from contract.tokenizer import vocabulary_of
from contract.tokens import Tokens, tokens_in
from infer.folders.graph import LENGTH_LIMIT_TOKENS

if TYPE_CHECKING:
    from tokenizers import Tokenizer

TYPES = 2  # of the first and of the second text
CURE = "make its folder again"


def check_tokenizer(tokenizer: "Tokenizer", pad_id: int | None, rows: int | None, source: str) -> None:
    """Check that a tokenizer gives no ids that the model has no embedding for.

    Args:
        tokenizer: the tokenizer.
        pad_id: token id that its folder's manifest pads with.
        rows: number of rows of the model's embedding; None if not known.
        source: the tokenizer's file, to begin an error with.

    Raises:
        InputError: it does.
    """
    vocabulary = vocabulary_of(tokenizer)
    if rows is not None and vocabulary > rows:
        cause = f"{source}: has {vocabulary} token ids, but the model's embedding {rows} rows"
        raise InputError(cause, "not the tokenizer it was trained with; make its folder again")
    if pad_id is not None and pad_id >= (rows or vocabulary):
        raise InputError(f"{source}: has no token id {pad_id} to pad with", CURE)


def check_tokens(file: BinaryIO, vocabulary: int, source: str) -> None:
    """Check that sentences have only token ids of a vocabulary.

    Args:
        file: the file of sentences, seekable.
        vocabulary: the number that all ids must be below.
        source: the file's name, to begin an error with.

    Raises:
        InputError: it cannot be read, an id or a token type is out of range, or a sentence is empty or too long.
    """
    fault = _fault(tokens_in(file, source)[0], vocabulary)
    if fault:
        raise InputError(f"{source}: {fault}", CURE)


def rows_of_config(data: bytes) -> int | None:
    """Return the number of rows of the embedding by a Hugging Face config.json; None if it does not say."""
    try:
        rows = json.loads(data)["vocab_size"]
    except (KeyError, TypeError, ValueError, RecursionError):
        return None
    return rows if isinstance(rows, int) else None


def _fault(tokens: Tokens, vocabulary: int) -> str:
    lengths_N = tokens.lengths
    if not len(tokens):
        return ""  # measuring and converting say that there are no sentences
    if lengths_N.min() < 1 or lengths_N.max() > LENGTH_LIMIT_TOKENS:
        return f"has sentences of {lengths_N.min()} to {lengths_N.max()} tokens"
    if tokens.ids_T.min() < 0 or tokens.ids_T.max() >= vocabulary:
        return f"has token ids outside the model's vocabulary of {vocabulary}, so from another tokenizer"
    if tokens.types_T.min() < 0 or tokens.types_T.max() >= TYPES:
        return f"has token types from {tokens.types_T.min()} to {tokens.types_T.max()}, not from 0 to {TYPES - 1}"
    return ""

"""Tokenise texts with the teacher's tokenizer."""

from pathlib import Path

from transformers import AutoTokenizer, PreTrainedTokenizerFast

from contract.errors import InputError
from contract.tokens import Tokens, from_rows
from distill.data.rows import Rows

TOKENIZER_FILE = "tokenizer.json"
# Without any of these files, transformers silently creates an empty tokenizer.
TOKENIZER_FILES = (TOKENIZER_FILE, "vocab.txt", "vocab.json", "spiece.model", "sentencepiece.bpe.model")


def load_tokenizer(folder: Path) -> PreTrainedTokenizerFast:
    """Load a fast tokenizer: its tokenizer.json is the only tokenizer file that a device needs.

    Raises:
        InputError: the tokenizer cannot be loaded, or has no fast version.
    """
    if not any((folder / name).is_file() for name in TOKENIZER_FILES):
        raise InputError(f"{folder}: no {TOKENIZER_FILE}", "use a model folder that includes its tokenizer")
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, use_fast=True, trust_remote_code=False)
    except (OSError, ValueError, KeyError) as error:
        reason = str(error).strip().splitlines()[0]
        raise InputError(
            f"{folder}: the tokenizer cannot be loaded ({reason})", "use a model folder that includes its tokenizer"
        ) from error
    if not isinstance(tokenizer, PreTrainedTokenizerFast):
        raise InputError(f"{folder}: the tokenizer has no fast version", f"use a model with a {TOKENIZER_FILE}")
    return tokenizer


def tokenise(tokenizer: PreTrainedTokenizerFast, rows: Rows, max_length_tokens: int) -> Tokens:
    """Return the token ids of every row, truncated to a maximum length."""
    encoded = tokenizer(
        list(rows.texts),
        list(rows.pairs) if rows.pairs is not None else None,
        truncation=True,
        max_length=max_length_tokens,
        return_token_type_ids=True,
    )
    return from_rows(encoded["input_ids"], encoded["token_type_ids"])

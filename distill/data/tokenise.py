"""Texts to token ids, with the teacher's own tokenizer."""

from pathlib import Path

from transformers import AutoTokenizer, PreTrainedTokenizerFast

from contract.errors import InputError
from contract.tokens import Tokens, from_rows
from distill.data.rows import Rows

TOKENIZER_FILE = "tokenizer.json"
# Any of these makes a tokenizer; without them transformers makes an empty one and says nothing.
TOKENIZER_FILES = (TOKENIZER_FILE, "vocab.txt", "vocab.json", "spiece.model", "sentencepiece.bpe.model")


def load_tokenizer(folder: Path) -> PreTrainedTokenizerFast:
    """Load a tokenizer that has a tokenizer.json, the one file a device needs.

    Raises:
        InputError: it cannot be loaded, or has no fast version.
    """
    if not any((folder / name).is_file() for name in TOKENIZER_FILES):
        raise InputError(f"{folder}: holds no {TOKENIZER_FILE}", "give a model with its tokenizer")
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, use_fast=True, trust_remote_code=False)
    except (OSError, ValueError, KeyError) as error:
        reason = str(error).strip().splitlines()[0]
        raise InputError(
            f"{folder}: no tokenizer can be loaded ({reason})", "give a model with its tokenizer"
        ) from error
    if not isinstance(tokenizer, PreTrainedTokenizerFast):
        raise InputError(f"{folder}: its tokenizer has no fast version", f"give a model with a {TOKENIZER_FILE}")
    return tokenizer


def tokenise(tokenizer: PreTrainedTokenizerFast, rows: Rows, max_length_tokens: int) -> Tokens:
    """Return the token ids of every row, cut at a length."""
    encoded = tokenizer(
        list(rows.texts),
        list(rows.pairs) if rows.pairs is not None else None,
        truncation=True,
        max_length=max_length_tokens,
        return_token_type_ids=True,
    )
    return from_rows(encoded["input_ids"], encoded["token_type_ids"])

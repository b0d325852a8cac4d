"""Tokenise texts with the teacher's tokenizer."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from contract.errors import InputError
from contract.tokens import Tokens, from_rows
from distill.data.rows import Rows, Splits

TOKENIZER_FILE = "tokenizer.json"
# Without any of these files, transformers silently creates an empty tokenizer.
TOKENIZER_FILES = (TOKENIZER_FILE, "vocab.txt", "vocab.json", "spiece.model", "sentencepiece.bpe.model")


# The sections of tokenizer.json that decide which ids a text has.
DECISIVE = ("normalizer", "pre_tokenizer", "model", "post_processor", "added_tokens")
# What transformers knows of a tokenizer beside its tokenizer.json.
KEPT = ("model_max_length", "padding_side", "truncation_side", "model_input_names")


def load_tokenizer(folder: Path) -> PreTrainedTokenizerFast:
    """Load a fast tokenizer as its tokenizer.json says, the only tokenizer file that a device needs.

    The class that transformers chooses may ignore parts of the file, such as a normalizer of its own.

    Raises:
        InputError: the tokenizer cannot be loaded, or has no fast version.
    """
    tokenizer = _load_class(folder)
    file = folder / TOKENIZER_FILE
    if not file.is_file():
        return tokenizer
    in_file = Tokenizer.from_file(str(file))
    if _decisive(in_file) == _decisive(tokenizer.backend_tokenizer):
        return tokenizer
    kept = {name: getattr(tokenizer, name) for name in KEPT}
    return PreTrainedTokenizerFast(tokenizer_object=in_file, **kept, **tokenizer.special_tokens_map)


def describe_difference(folder: Path, rows: Rows, max_length_tokens: int) -> str:
    """Say how many training sentences transformers would tokenise differently than tokenizer.json; empty if none.

    Args:
        folder: folder of a model.
        rows: the training sentences.
        max_length_tokens: where the recipe truncates them.

    Raises:
        InputError: the tokenizer cannot be loaded, or has no fast version.
    """
    of_class, of_file = _load_class(folder), load_tokenizer(folder)
    if type(of_class) is type(of_file):
        return ""
    by_class, by_file = (tokenise(tokenizer, rows, max_length_tokens) for tokenizer in (of_class, of_file))
    different = sum(not np.array_equal(by_class.row_ids(row), by_file.row_ids(row)) for row in range(len(rows)))
    if not different:
        return ""
    return (
        f"tokenised as its {TOKENIZER_FILE} says, as on devices; transformers' {type(of_class).__name__} ignores parts "
        f"of it and reads {different:,} of {len(rows):,} training sentences differently"
    )


def _decisive(tokenizer: Tokenizer) -> list[Any]:
    sections = json.loads(tokenizer.to_str())
    return [sections[name] for name in DECISIVE]


def _load_class(folder: Path) -> PreTrainedTokenizerFast:
    """Load a tokenizer as the class that transformers chooses."""
    if not any((folder / name).is_file() for name in TOKENIZER_FILES):
        raise InputError(f"{folder}: no {TOKENIZER_FILE}", "use a model folder that includes its tokenizer")
    try:
        # local_files_only is saved with the tokenizer, and would else depend on HF_HUB_OFFLINE, as would the student.
        tokenizer = AutoTokenizer.from_pretrained(folder, use_fast=True, trust_remote_code=False, local_files_only=True)
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
    return tokenise_and_mark_cut(tokenizer, rows, max_length_tokens)[0]


def tokenise_and_mark_cut(
    tokenizer: PreTrainedTokenizerFast, rows: Rows, max_length_tokens: int
) -> tuple[Tokens, NDArray[np.bool_]]:
    """Return the token ids of every row, and whether it was truncated, shape (N,)."""
    encoded = tokenizer(
        list(rows.texts),
        list(rows.pairs) if rows.pairs is not None else None,
        truncation=True,
        max_length=max_length_tokens,
        return_token_type_ids=True,
    )
    is_cut_N = np.array([bool(encoding.overflowing) for encoding in encoded.encodings], dtype=np.bool_)
    return from_rows(encoded["input_ids"], encoded["token_type_ids"]), is_cut_N


@dataclass(frozen=True, kw_only=True, slots=True)
class Tokenised:
    """Both splits as token ids, and the tokenizer."""

    tokenizer: PreTrainedTokenizerFast
    train: Tokens
    validation: Tokens


def tokenise_splits(folder: Path, splits: Splits, max_length_tokens: int) -> Tokenised:
    """Tokenise both splits with the tokenizer of a model folder."""
    return tokenise_by(load_tokenizer(folder), splits, max_length_tokens)


def tokenise_by(tokenizer: PreTrainedTokenizerFast, splits: Splits, max_length_tokens: int) -> Tokenised:
    """Tokenise both splits."""
    return Tokenised(
        tokenizer=tokenizer,
        train=tokenise(tokenizer, splits.train, max_length_tokens),
        validation=tokenise(tokenizer, splits.validation, max_length_tokens),
    )

"""Reads and checks the calibration sentences, the only data that a quantiser may use."""

from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

from contract.errors import InputError
from contract.tokenizer import read_tokenizer
from contract.tokens import Tokens
from infer.folders.student import CALIBRATION, read_calibration

SENTENCES = 128
CURE = "distil again with training sentences for calibration"


def read(student: Path, evaluation: Tokens) -> Tokens:
    """Read a student folder's calibration sentences; of more than 128, an evenly spaced sample.

    Args:
        student: the student folder.
        evaluation: the evaluation sentences, which must not be used for calibration.

    Raises:
        InputError: there are no sentences, they have token ids that the tokenizer lacks, a sentence has only special
            tokens, or a sentence is also an evaluation sentence.
    """
    source = student / CALIBRATION
    tokens = read_calibration(student)
    if len(tokens) == 0:
        raise InputError(f"{source}: contains no calibration sentences", CURE)
    tokenizer = read_tokenizer(student / "tokenizer.json")
    _check_token_ids(tokens, source, tokenizer.get_vocab_size())
    _check_text(tokens, source, _special_ids(tokenizer))
    _check_disjoint(tokens, evaluation, source)
    rows = np.linspace(0, len(tokens) - 1, min(SENTENCES, len(tokens))).round().astype(int)
    return tokens.take(rows.tolist())


def _special_ids(tokenizer: Tokenizer) -> list[int]:
    """Return the ids of special tokens, except the unknown token, which stands for text."""
    unknown = getattr(tokenizer.model, "unk_token", None)
    added = tokenizer.get_added_tokens_decoder()
    return [number for number, token in added.items() if token.special and token.content != unknown]


def _check_token_ids(tokens: Tokens, source: Path, vocabulary: int) -> None:
    """Reject token ids outside the vocabulary, the detectable sign of a different tokenizer."""
    if int(tokens.ids_T.max()) >= vocabulary or int(tokens.ids_T.min()) < 0:
        raise InputError(
            f"{source}: has token ids outside the student's vocabulary of {vocabulary}, so from another tokenizer", CURE
        )


def _check_text(tokens: Tokens, source: Path, special_ids: list[int]) -> None:
    for row in range(len(tokens)):
        if np.isin(tokens.row_ids(row), special_ids).all():
            raise InputError(f"{source}: sentence {row} has no text, only padding or special tokens", CURE)


def _check_disjoint(tokens: Tokens, evaluation: Tokens, source: Path) -> None:
    evaluated = {evaluation.row_ids(row).tobytes() for row in range(len(evaluation))}
    for row in range(len(tokens)):
        if tokens.row_ids(row).tobytes() in evaluated:
            raise InputError(f"{source}: sentence {row} is also in the evaluation split", CURE)

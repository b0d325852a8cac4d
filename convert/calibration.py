"""Calibration sentences: what a quantiser may see of the data, checked before it sees it."""

from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

from contract.errors import InputError
from contract.tokenizer import read_tokenizer
from contract.tokens import Tokens
from infer.folders.student import CALIBRATION, read_calibration

SENTENCES = 128
CURE = "distil again with training sentences to calibrate on"


def read(student: Path, evaluation: Tokens) -> Tokens:
    """Read a student folder's calibration sentences, at most 128 of them, spread evenly.

    Args:
        student: the student folder.
        evaluation: sentences that must not be among them.

    Raises:
        InputError: there are none, they are of another tokenizer, one has nothing but special tokens, or one is also
            evaluated on.
    """
    source = student / CALIBRATION
    tokens = read_calibration(student)
    if len(tokens) == 0:
        raise InputError(f"{source}: holds no calibration sentences", CURE)
    tokenizer = read_tokenizer(student / "tokenizer.json")
    _check_known(tokens, source, tokenizer.get_vocab_size())
    _check_real(tokens, source, _special_ids(tokenizer))
    _check_apart(tokens, evaluation, source)
    rows = np.linspace(0, len(tokens) - 1, min(SENTENCES, len(tokens))).round().astype(int)
    return tokens.take(rows.tolist())


def _special_ids(tokenizer: Tokenizer) -> list[int]:
    """Return the ids that are no text; an unknown word is text."""
    unknown = getattr(tokenizer.model, "unk_token", None)
    added = tokenizer.get_added_tokens_decoder()
    return [number for number, token in added.items() if token.special and token.content != unknown]


def _check_known(tokens: Tokens, source: Path, vocabulary: int) -> None:
    """Refuse the word pieces of another tokenizer, as far as they show."""
    if int(tokens.ids_T.max()) >= vocabulary or int(tokens.ids_T.min()) < 0:
        raise InputError(
            f"{source}: has token ids beyond the {vocabulary} of the student's tokenizer, so they are another's", CURE
        )


def _check_real(tokens: Tokens, source: Path, special_ids: list[int]) -> None:
    for row in range(len(tokens)):
        if np.isin(tokens.row_ids(row), special_ids).all():
            raise InputError(f"{source}: sentence {row} holds no text, only padding or special tokens", CURE)


def _check_apart(tokens: Tokens, evaluation: Tokens, source: Path) -> None:
    evaluated = {evaluation.row_ids(row).tobytes() for row in range(len(evaluation))}
    for row in range(len(tokens)):
        if tokens.row_ids(row).tobytes() in evaluated:
            raise InputError(f"{source}: sentence {row} is also in the evaluation split", CURE)

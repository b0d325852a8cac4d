"""The sentences that int8 is calibrated on: training sentences of every label and length, none validated on."""

from collections.abc import Collection
from typing import Any

import numpy as np
from numpy.typing import NDArray
from transformers import PreTrainedTokenizerFast

from contract.errors import InputError
from contract.tokens import Tokens
from distill.data.rows import Rows


def calibration(
    train: Tokens,
    labels_N: NDArray[Any],
    validation: Tokens,
    *,
    special_ids: Collection[int],
    sentences: int,
    seed: int,
) -> Tokens:
    """Choose training sentences at random, but of each label as many as it has, and spread evenly over the lengths.

    Args:
        train, validation: both splits in the student's word pieces.
        labels_N: of the training sentences; scores are not told apart.
        special_ids: of tokens that are no text; a sentence of nothing else is not chosen.
        sentences: how many at most.
        seed: of the choice.

    Raises:
        InputError: every training sentence is also a validation sentence, or holds no text.
    """
    validated = {validation.row_ids(row).tobytes() for row in range(len(validation))}
    kinds_N = labels_N if np.issubdtype(labels_N.dtype, np.integer) else np.zeros(len(labels_N), dtype=np.int64)
    # By label and then by length: equal parts of that order hold each label as often as it comes.
    order = np.lexsort((train.lengths, kinds_N))
    special = sorted(special_ids)
    ordered = [
        int(row)
        for row in order
        if train.row_ids(row).tobytes() not in validated and not np.isin(train.row_ids(row), special).all()
    ]
    if not ordered:
        raise InputError(
            "every training sentence is also in the validation split, or holds no text",
            "give a validation split of other sentences",
        )
    count = min(sentences, len(ordered))
    parts = np.split(ordered, np.arange(1, count) * len(ordered) // count)
    generator = np.random.default_rng(seed)
    return train.take([int(generator.choice(part)) for part in parts])


def special_ids(tokenizer: PreTrainedTokenizerFast) -> set[int]:
    """Return the ids of tokens that are no text; an unknown word is text."""
    return set(tokenizer.all_special_ids) - {tokenizer.unk_token_id}


def strata(rows: Rows) -> NDArray[Any]:
    """Return what `calibration` tells rows apart by: their label, where each has one."""
    return rows.labels_N if rows.words is None else np.zeros(len(rows), dtype=np.int64)

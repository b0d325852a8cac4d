"""Choose the sentences that int8 is calibrated on: training sentences of every label and length."""

from collections.abc import Collection
from typing import Any

import numpy as np
from numpy.typing import NDArray
from transformers import PreTrainedTokenizerFast

from contract.errors import InputError
from contract.tokens import Tokens
from distill.data.rows import Rows


def choose_calibration(
    train: Tokens,
    groups_N: NDArray[Any],
    validation: Tokens,
    *,
    special_ids: Collection[int],
    sentences: int,
    seed: int,
) -> Tokens:
    """Draw training sentences at random, stratified by group and by length; validation sentences are never chosen.

    Args:
        train, validation: both splits in the student's word pieces.
        groups_N: group of each training sentence, from `calibration_groups`; regression scores count as one group.
        special_ids: ids of special tokens; sentences of special tokens only are not chosen.
        sentences: maximum number of sentences.
        seed: seed for the draw.

    Raises:
        InputError: every training sentence is also in the validation split, or contains no text.
    """
    validation_rows = {validation.row_ids(row).tobytes() for row in range(len(validation))}
    strata_N = groups_N if np.issubdtype(groups_N.dtype, np.integer) else np.zeros(len(groups_N), dtype=np.int64)
    # Sorted by group and then by length, equal parts hold each group and length in proportion.
    order = np.lexsort((train.lengths, strata_N))
    special = sorted(special_ids)
    ordered = [
        int(row)
        for row in order
        if train.row_ids(row).tobytes() not in validation_rows and not np.isin(train.row_ids(row), special).all()
    ]
    if not ordered:
        raise InputError(
            "every training sentence is also in the validation split, or contains no text",
            "use a validation split with different sentences",
        )
    count = min(sentences, len(ordered))
    parts = np.split(ordered, np.arange(1, count) * len(ordered) // count)
    generator = np.random.default_rng(seed)
    return train.take([int(generator.choice(part)) for part in parts])


def special_ids(tokenizer: PreTrainedTokenizerFast) -> set[int]:
    """Return the ids of all special tokens except the unknown token, which stands for text."""
    return set(tokenizer.all_special_ids) - {tokenizer.unk_token_id}


def calibration_groups(rows: Rows) -> NDArray[Any]:
    """Return the group of each row for `choose_calibration`: its label, or 0 if its words are labelled instead."""
    return rows.labels_N if rows.words is None else np.zeros(len(rows), dtype=np.int64)

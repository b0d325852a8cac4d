"""The sentences that int8 is calibrated on: training sentences of every length, none that is validated on."""

import numpy as np

from contract.errors import InputError
from contract.tokens import Tokens


def calibration(train: Tokens, validation: Tokens, *, sentences: int, seed: int) -> Tokens:
    """Choose training sentences at random, but spread evenly over the lengths; none that is validated on.

    Args:
        train, validation: both splits in the student's word pieces.
        sentences: how many at most.
        seed: of the choice.

    Raises:
        InputError: every training sentence is also a validation sentence.
    """
    validated = {validation.row_ids(row).tobytes() for row in range(len(validation))}
    by_length = [
        row for row in np.argsort(train.lengths, kind="stable") if train.row_ids(row).tobytes() not in validated
    ]
    if not by_length:
        raise InputError(
            "every training sentence is also in the validation split", "give a validation split of other sentences"
        )
    parts = np.array_split(by_length, min(sentences, len(by_length)))
    generator = np.random.default_rng(seed)
    return train.take([int(generator.choice(part)) for part in parts])

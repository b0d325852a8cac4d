"""The outputs of a model: arrays by name, each with one row per example. NumPy only.

Shapes: N examples; a row has one entry for the whole text, or one for each token.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from contract import ragged
from contract.errors import InputError
from contract.ragged import Ragged
from infer.folders.graph import LOGITS

# The label of tokens without one, which loss functions ignore.
UNLABELLED = -100


@dataclass(frozen=True, kw_only=True, slots=True)
class Outputs:
    """A model's raw outputs for N examples.

    Attributes:
        arrays: arrays of N rows, by the name of the output, such as `logits`.
    """

    arrays: Mapping[str, Ragged]

    def __len__(self) -> int:
        return len(next(iter(self.arrays.values())))

    @property
    def logits(self) -> Ragged:
        """The logits, with entries of shape (C,)."""
        return self.arrays[LOGITS]

    def take(self, rows: Sequence[int] | NDArray[np.integer]) -> "Outputs":
        """Return the outputs of some examples, in the order asked for."""
        return Outputs(arrays={name: array.take(rows) for name, array in self.arrays.items()})

    def flat(self) -> dict[str, NDArray[np.generic]]:
        """Return the arrays under the names that infer.worker.reply reads from a file."""
        parts = {name: {"values": array.values, "offsets": array.offsets} for name, array in self.arrays.items()}
        return {f"{name}.{part}": values for name, both in parts.items() for part, values in both.items()}


def of_logits(logits: Ragged | NDArray[np.float32]) -> Outputs:
    """Return outputs of only logits; an array of shape (N, C) has one entry per example."""
    return Outputs(arrays={LOGITS: logits if isinstance(logits, Ragged) else ragged.single(logits)})


def one_hot(label: int, entries: int, columns: int) -> NDArray[np.float32]:
    """Return logits that are 1 for one label and else 0, shape (entries, columns)."""
    return np.tile(np.eye(columns, dtype=np.float32)[label], (entries, 1))


def joined(parts: Sequence[Outputs]) -> Outputs:
    """Concatenate the outputs of several sets of examples."""
    return Outputs(arrays={name: ragged.joined([part.arrays[name] for part in parts]) for name in parts[0].arrays})


def check_finite(outputs: Outputs, source: str = "the model's outputs") -> None:
    """Check that outputs are finite, because a NaN would count as the first class.

    Raises:
        InputError: an output is not a finite number.
    """
    if not all(np.isfinite(array.values).all() for array in outputs.arrays.values()):
        raise InputError(
            f"{source}: not all are finite numbers", "lower the learning rate and train it again, or give another model"
        )


def check_alike(outputs: Outputs, reference: Outputs, source: str = "the model's outputs") -> None:
    """Check that outputs have the same shapes as a reference's, so that they may be of the same examples.

    Raises:
        InputError: they do not.
    """
    for name, array in reference.arrays.items():
        other = outputs.arrays.get(name)
        alike = (
            other is not None
            and other.values.shape == array.values.shape
            and np.array_equal(other.offsets, array.offsets)
        )
        if not alike:
            shape = "none" if other is None else f"{other.values.shape} in {len(other)} rows"
            raise InputError(
                f"{source}: {name} of shape {shape}, expected {array.values.shape} in {len(array)} rows",
                "measure the folder with the student it was made from",
            )

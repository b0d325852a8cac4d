"""What a model answered: arrays by name, each with the rows of every example. NumPy only.

Shapes: N examples; a row has one entry where the model answers for the whole text, or one for each token.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from contract import ragged
from contract.errors import InputError
from contract.ragged import Ragged
from infer.folders.graph import LOGITS

# The label of a token that has none; what loss functions leave out.
UNLABELLED = -100


@dataclass(frozen=True, kw_only=True, slots=True)
class Outputs:
    """A model's raw outputs for N examples.

    Attributes:
        arrays: by the name of the output, such as `logits`; all of N rows.
    """

    arrays: Mapping[str, Ragged]

    def __len__(self) -> int:
        return len(next(iter(self.arrays.values())))

    @property
    def logits(self) -> Ragged:
        """The array of that name, entries of shape (C,)."""
        return self.arrays[LOGITS]

    def take(self, rows: Sequence[int] | NDArray[np.integer]) -> "Outputs":
        """Return the outputs of some examples, in the order asked for."""
        return Outputs(arrays={name: array.take(rows) for name, array in self.arrays.items()})


def of_logits(logits: Ragged | NDArray[np.float32]) -> Outputs:
    """Return outputs that are logits alone; an array of shape (N, C) has one entry an example."""
    return Outputs(arrays={LOGITS: logits if isinstance(logits, Ragged) else ragged.single(logits)})


def joined(parts: Sequence[Outputs]) -> Outputs:
    """Return the outputs of several sets of examples, one behind the other."""
    return Outputs(arrays={name: ragged.joined([part.arrays[name] for part in parts]) for name in parts[0].arrays})


def check_finite(outputs: Outputs, whose: str = "the model's outputs") -> None:
    """Check that outputs may be judged: a NaN would count as the first class.

    Raises:
        InputError: an output is not a finite number.
    """
    if not all(np.isfinite(array.values).all() for array in outputs.arrays.values()):
        raise InputError(
            f"{whose}: not all are finite numbers", "lower the learning rate and train it again, or give another model"
        )


def check_alike(outputs: Outputs, reference: Outputs, whose: str = "the model's outputs") -> None:
    """Check that outputs are of the same examples and of the same shape as a reference's.

    Raises:
        InputError: they are not.
    """
    for name, array in reference.arrays.items():
        own = outputs.arrays.get(name)
        alike = (
            own is not None and own.values.shape == array.values.shape and np.array_equal(own.offsets, array.offsets)
        )
        if not alike:
            shape = "none" if own is None else f"{own.values.shape} in {len(own)} rows"
            raise InputError(
                f"{whose}: {name} of shape {shape}, expected {array.values.shape} in {len(array)} rows",
                "measure the folder with the student it was made from",
            )

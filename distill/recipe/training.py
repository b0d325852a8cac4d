"""The training settings that teacher and student stages share. Torch-free."""

from typing import Annotated, Literal

from pydantic import Field

from contract.strict import Strict

NotFinite = Literal["stop", "skip"]
Positive = Annotated[float, Field(gt=0)]
Weight = Annotated[float, Field(ge=0)]
# More is a typing error, and the number of steps could overflow.
Epochs = Annotated[float, Field(ge=0, le=100_000)]


class Training(Strict):
    """One training run.

    Attributes:
        epochs: passes over the training sentences.
        learning_rate: peak value, reached after the warm-up; it then falls linearly to 0.
        batch_size: sentences per step, over all processes.
        warmup: share of the steps spent on warm-up.
        weight_decay: weight decay of AdamW.
        not_finite: reaction to a loss or gradient that is not finite: `stop`, or `skip` the step, at most ten in a row.
    """

    epochs: Epochs = 3
    learning_rate: Positive = 1e-4
    batch_size: Annotated[int, Field(ge=1)] = 32
    warmup: Annotated[float, Field(ge=0, lt=1)] = 0.1
    weight_decay: Annotated[float, Field(ge=0)] = 0.01
    not_finite: NotFinite = "stop"

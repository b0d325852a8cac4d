"""What every training of a recipe has, teacher's and student's. Torch-free."""

from typing import Annotated, Literal

from pydantic import Field

from contract.strict import Strict

NotFinite = Literal["stop", "skip"]
Positive = Annotated[float, Field(gt=0)]
Weight = Annotated[float, Field(ge=0)]
# Any more are a slip of the pen, and their steps may be too many to count.
Epochs = Annotated[float, Field(ge=0, le=100_000)]


class Training(Strict):
    """One pass of training.

    Attributes:
        epochs: passes over the training sentences.
        learning_rate: its highest value, after a warm-up over `warmup` of the steps, then falling to 0 linearly.
        batch_size: sentences a step, of all processes together.
        not_finite: what to do where loss or gradients are not finite: `stop`, or `skip` the step, ten in a row at most.
    """

    epochs: Epochs
    learning_rate: Positive
    batch_size: Annotated[int, Field(ge=1)] = 32
    warmup: Annotated[float, Field(ge=0, lt=1)] = 0.1
    weight_decay: Annotated[float, Field(ge=0)] = 0.01
    not_finite: NotFinite = "stop"

"""The [teacher] section of a recipe. Torch-free."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from distill.recipe.training import Positive, Training, Weight


class TeacherRecipe(Training):
    """The teacher.

    Attributes:
        model: `package:NAME`, a Hugging Face name, or a folder; fine-tuned if it has no head for the task yet.
        floor: lowest score accepted on the validation split, in the recipe's metric; a teacher below it is refused.
            By default what always giving the same answer scores.
        also: further teachers of the same task, whose logits are fused with those of `model`; the layer losses use
            `model` only.
        fusion: `mean`, `weighted` by `weights`, or `best`: the teacher nearest the label of each training sentence.
        weights: weights of `model` and of each teacher in `also`.
    """

    model: Annotated[str, Field(examples=['"google-bert/bert-base-uncased"'])]
    floor: Annotated[float, Field(ge=0, le=1)] = 0.0
    learning_rate: Positive = 5e-5
    also: tuple[str, ...] = ()
    fusion: Literal["mean", "weighted", "best"] = "mean"
    weights: tuple[Weight, ...] = ()

    @model_validator(mode="after")
    def _weights_fit(self) -> "TeacherRecipe":
        wanted = 1 + len(self.also) if self.fusion == "weighted" else 0
        if len(self.weights) != wanted or (wanted and not any(self.weights)):
            raise ValueError(
                f"fusion = {self.fusion!r} of {1 + len(self.also)} teachers needs {wanted} weights, not all 0"
            )
        return self

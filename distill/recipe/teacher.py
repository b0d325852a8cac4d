"""The section [teacher] of a recipe. Torch-free."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from distill.recipe.training import Training, Weight


class TeacherRecipe(Training):
    """The teacher.

    Attributes:
        model: `package:NAME`, a Hugging Face name, or a folder; fine-tuned when it is not yet a classifier.
        floor: of the recipe's metric on the validation split; below it the teacher is refused.
        also: more teachers of the same task, whose logits are fused with its own; what is learned of the inside is
            learned from `model` alone.
        fusion: `mean`, `weighted` by `weights`, or `best`, the teacher nearest the label of each training sentence.
        weights: of `model` and each of `also`.
    """

    model: str
    floor: Annotated[float, Field(ge=0, le=1)]
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

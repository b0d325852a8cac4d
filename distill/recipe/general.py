"""The section [general] of a recipe: general distillation. Torch-free."""

from typing import Annotated

from pydantic import Field, model_validator

from distill.recipe.stage import LossWeights, Stage
from distill.recipe.training import Epochs


class General(Stage):
    """General distillation: the encoder, not fine-tuned, teaches a new student on plain text (TinyBERT, section 3.2).

    Attributes:
        model: the encoder, where teacher.model is one that was fine-tuned; by default that.
        corpus: a text file, plain or .gz, one paragraph a line.
        tokens: how many of its tokens to train on.
        length_tokens: tokens of one training sentence.
    """

    name: str = "general"
    losses: LossWeights = LossWeights(embedding=1.0, hidden=1.0, attention=1.0)
    epochs: Epochs = 1
    model: str = ""
    corpus: str
    tokens: Annotated[int, Field(ge=1)]
    length_tokens: Annotated[int, Field(ge=8, le=512)] = 128

    @model_validator(mode="after")
    def _no_task(self) -> "General":
        if self.losses.prediction or self.losses.labels:
            raise ValueError("general distillation has no task, so no prediction or labels loss")
        if self.fake_quantize:
            raise ValueError("the stages after general distillation would undo fake_quantize, give it to one of them")
        return self

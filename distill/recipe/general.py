"""The [general] section of a recipe: general distillation. Torch-free."""

from typing import Annotated

from pydantic import Field, model_validator

from contract.strict import Slug
from distill.recipe.stage import LossWeights, Stage
from distill.recipe.training import Epochs


class General(Stage):
    """General distillation: the pretrained encoder teaches a new student on plain text (TinyBERT, section 3.2).

    Attributes:
        name: name of the stage, for logs and errors.
        losses: weight of each loss; those of the task are not possible.
        epochs: passes over the corpus.
        model: pretrained encoder, needed if teacher.model is already fine-tuned; by default teacher.model.
        corpus: text file, plain or .gz, one paragraph per line.
        tokens: number of corpus tokens to train on.
        length_tokens: length of a training sentence in tokens.
    """

    name: Slug = "general"
    losses: LossWeights = LossWeights(embedding=1.0, hidden=1.0, attention=1.0)
    epochs: Epochs = 1
    model: str = ""
    corpus: Annotated[str, Field(examples=['"corpus.txt"'])]
    tokens: Annotated[int, Field(ge=1, examples=["3_000_000"])]
    length_tokens: Annotated[int, Field(ge=8, le=512)] = 128

    @model_validator(mode="after")
    def _has_no_task(self) -> "General":
        if self.losses.prediction or self.losses.labels:
            raise ValueError("general distillation has no task, so no prediction or labels loss")
        if self.fake_quantize:
            raise ValueError(
                "later stages would undo fake_quantize in general distillation, set it in one of [[stages]]"
            )
        return self

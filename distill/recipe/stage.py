"""A [[stages]] section of a recipe: one training stage of the student. Torch-free."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from contract.strict import Slug, Strict
from distill.recipe.training import Positive, Training, Weight

FakeQuantize = Literal["dynamic", "static"]


class LossWeights(Strict):
    """Weight of each loss; 0 turns a loss off.

    Attributes:
        embedding, hidden, attention: transformer-layer losses (TinyBERT, section 3.1).
        relation: query, key and value relations of the last layer (MiniLMv2), for students whose heads or width differ.
        prediction: soft cross-entropy with the teacher's logits.
        labels: cross-entropy with the data's labels.
    """

    embedding: Weight = 0.0
    hidden: Weight = 0.0
    attention: Weight = 0.0
    relation: Weight = 0.0
    prediction: Weight = 0.0
    labels: Weight = 0.0

    @model_validator(mode="after")
    def _not_all_zero(self) -> "LossWeights":
        if not any(self.model_dump().values()):
            raise ValueError("all weights are 0")
        return self


class Stage(Training):
    """One training stage of the student.

    Attributes:
        name: name of the stage, for logs and errors.
        losses: weight of each loss.
        prediction_loss: loss between the student's and the teacher's logits: soft cross-entropy (TinyBERT),
            Kullback-Leibler divergence, or squared error.
        temperature: divisor of both logits in the first two losses.
        relation_heads: number of heads that the relation loss splits the vectors of both models into.
        dropout: dropout of the student, instead of its configuration's.
        cache_layers: keep the teacher's layer outputs on disk, so that the teacher runs once for all epochs.
        fake_quantize: train with weights and activations rounded as in int8: `dynamic`, as in ONNX Runtime and
            LiteRT, or `static`, as in OpenVINO.
    """

    name: Annotated[Slug, Field(examples=['"prediction"'])]
    losses: Annotated[LossWeights, Field(examples=["{ hidden = 1.0, prediction = 1.0 }"])]
    prediction_loss: Literal["soft_cross_entropy", "divergence", "squared_error"] = "soft_cross_entropy"
    temperature: Positive = 1.0
    relation_heads: Annotated[int, Field(ge=1)] = 12
    dropout: Annotated[float, Field(ge=0, lt=1)] | None = None
    cache_layers: bool = False
    fake_quantize: FakeQuantize | None = None


# TinyBERT trains its layers first; the hidden states stay in the second stage, as they do in most built-in recipes.
DEFAULT_STAGES = (
    Stage(name="layers", losses=LossWeights(embedding=1.0, hidden=1.0, attention=1.0)),
    Stage(name="prediction", losses=LossWeights(hidden=1.0, prediction=1.0)),
)

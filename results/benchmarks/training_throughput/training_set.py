"""The training that both trainers do: the same teacher, student, sentences, batch size and losses."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForSequenceClassification, PreTrainedModel

from contract.tokens import Tokens
from distill.data.rows import Rows
from distill.recipe import Recipe
from distill.recipe.stage import LossWeights, Stage

BATCH_SIZE = 32
LAYERS = (1, 3, 5)
STAGE = Stage(
    name="all",
    epochs=1,
    learning_rate=5e-5,
    batch_size=BATCH_SIZE,
    losses=LossWeights(embedding=1.0, hidden=1.0, attention=1.0, prediction=1.0),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class TrainingSet:
    """One epoch.

    Attributes:
        folder: the teacher's folder.
        recipe: the recipe, which defines the student.
        rows: the sentences with their labels.
        tokens: the sentences as token ids.
    """

    folder: Path
    recipe: Recipe
    rows: Rows
    tokens: Tokens

    def teacher(self, **options: Any) -> PreTrainedModel:
        """Load the teacher, with the same random head at each call."""
        torch.manual_seed(0)
        model: PreTrainedModel = AutoModelForSequenceClassification.from_pretrained(
            self.folder, num_labels=2, dtype="float32", **options
        )
        return model

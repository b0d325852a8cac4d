"""The shared encoder with the outputs of all tasks, and one task's part of it."""

import copy
from collections.abc import Sequence
from typing import Any

from transformers import PreTrainedModel

from distill import tasks, teacher
from distill.model.source import Encoder
from distill.recipe import Recipe
from distill.training.heads import Head


def outputs_of(recipe: Recipe) -> int:
    """Return how many outputs a task has."""
    return max(1, len(recipe.data.label_names))


def load_encoder(encoder: Encoder, recipes: Sequence[Recipe], **options: Any) -> PreTrainedModel:
    """Load the shared encoder with the outputs of all tasks; a head it has belongs to one task and may differ in size.

    Raises:
        InputError: it cannot be loaded, or its files do not hold its weights.
    """
    head = {"num_labels": sum(map(outputs_of, recipes))}
    return teacher.load(encoder.folder, recipes[0].task, head, name=encoder.name, resizes_head=True, **options)


def with_outputs_of(model: PreTrainedModel, recipe: Recipe, head: Head) -> PreTrainedModel:
    """Return a copy of a model with only the outputs of one head."""
    config = copy.deepcopy(model.config)
    task = tasks.get(recipe.task)
    config.update(task.head_config(recipe.data.label_names))
    tasks.set_problem_type(config, recipe.task)
    copied: PreTrainedModel = task.model_class().from_config(config)
    state = model.state_dict()
    # Only the last layer has a different shape: a row for each output.
    rows = slice(head.first, head.first + head.outputs)
    copied.load_state_dict(
        {
            name: state[name] if state[name].shape == value.shape else state[name][rows]
            for name, value in copied.state_dict().items()
        }
    )
    copied.eval()
    return copied

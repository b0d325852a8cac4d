"""The one number that says how good a model's answers are."""

import numpy as np
from numpy.typing import NDArray

from distill.recipe import Recipe
from infer import tasks
from infer.tasks.rows import Labels


def main_score(recipe: Recipe, labels_N: Labels, logits_NC: NDArray[np.float32]) -> float:
    """Return the recipe's main metric, which is best at 1.

    Args:
        recipe: names the task and the metric.
        labels_N: of N sentences.
        logits_NC: a model's outputs for them.
    """
    return tasks.get(recipe.task).values(labels_N, logits_NC)[recipe.main_metric]

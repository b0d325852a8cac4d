"""The one number that says how good a model's answers are."""

import numpy as np
from numpy.typing import NDArray

from distill.tasks import classification


def main_score(labels_N: NDArray[np.int64], logits_NC: NDArray[np.float32]) -> float:
    """Return the main metric of the task, which is best at 1: the accuracy.

    Args:
        labels_N: of N sentences.
        logits_NC: a model's outputs for them.
    """
    return float((classification.decode(logits_NC) == labels_N).mean())

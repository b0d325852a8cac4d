"""Finds labels in another order: two models that agree, but each calls the answers by other names.

Shapes: C labels, P answers.
"""

import numpy as np

from infer.outputs import Outputs
from infer.tasks import TaskSettings

AGREEMENT = 0.9


def describe_other_order(name: str, outputs: Outputs, other: str, reference: Outputs, task: TaskSettings) -> str:
    """Return in words how one model's labels are in another order than another's, or an empty text if they are not.

    Args:
        name: one model, in words.
        outputs: its outputs.
        other: the other model, in words.
        reference: the other model's outputs for the same examples.
        task: the task, with the labels.
    """
    labels = task.names
    if len(labels) < 2:
        return ""
    answers_P, reference_P = outputs.logits.values.argmax(axis=1), reference.logits.values.argmax(axis=1)
    counts_CC = np.zeros((len(labels), len(labels)), dtype=np.int64)
    np.add.at(counts_CC, (reference_P, answers_P), 1)
    numbers_C = counts_CC.argmax(axis=1)
    is_order = sorted(numbers_C) == list(range(len(labels))) and counts_CC.any(axis=1).all()
    changed = [number for number in range(len(labels)) if numbers_C[number] != number]
    if not is_order or not changed or counts_CC.max(axis=1).sum() < AGREEMENT * len(answers_P):
        return ""
    pairs = ", ".join(f"{labels[numbers_C[number]]!r} where {other} says {labels[number]!r}" for number in changed)
    return f"{name} says {pairs}: its labels are probably in another order"

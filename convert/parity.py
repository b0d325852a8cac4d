"""Parity: compares a converted model's outputs with the PyTorch student's on real sentences, padded and not."""

import numpy as np

from contract.errors import InputError, WorkerError
from contract.ragged import Ragged
from infer import tasks
from infer.folders.artifact import Parity
from infer.folders.model import Model
from infer.folders.student import Evaluation
from infer.outputs import Outputs, check_alike, check_finite
from infer.tasks import TaskSettings
from infer.worker import client
from targets.profile import Precision

PADDED_SENTENCES = 64
FP32_LIMIT = 1e-4


def fp32_limit(reference: Outputs, task: TaskSettings) -> float:
    """Return the largest difference that rounding explains; it grows with large scores, unlike with labels' logits."""
    largest = 1.0 if task.names else max(float(np.abs(array.values).max()) for array in reference.arrays.values())
    return FP32_LIMIT * max(1.0, largest)


def compare(reference: Outputs, outputs: Outputs, task: TaskSettings, labels: Ragged) -> Parity:
    """Compare a model's outputs with the reference's.

    Args:
        reference: outputs of the PyTorch student.
        outputs: outputs of the model, for the same sentences.
        task: the student's task.
        labels: the references of the sentences, which show where the task reads answers.

    Raises:
        WorkerError: the outputs' shapes differ, or they are not finite.
    """
    check_comparable(reference, outputs)
    differences = np.concatenate(
        [
            np.abs(outputs.arrays[name].values.astype(np.float64) - array.values).ravel()
            for name, array in reference.arrays.items()
        ]
    )
    return Parity(
        sentences=len(outputs),
        agreement=float(tasks.get(task.kind).agree(outputs, reference, labels).mean()),
        max_abs_difference=float(differences.max()),
        mean_abs_difference=float(differences.mean()),
    )


def check_comparable(reference: Outputs, outputs: Outputs) -> None:
    """Check that a model's outputs are finite and have the reference's shape.

    Raises:
        WorkerError: they are not, which is the model's fault, as the folders were complete.
    """
    try:
        check_alike(outputs, reference)
    except InputError as error:
        raise WorkerError(f"its outputs have shape {_shape(outputs)}, the student's {_shape(reference)}") from error
    try:
        check_finite(outputs)
    except InputError as error:
        raise WorkerError("its logits are not finite") from error


def _shape(outputs: Outputs) -> str:
    return ", ".join(str(array.values.shape) for array in outputs.arrays.values())


def worst(first: Parity, second: Parity) -> Parity:
    """Return the worse of two comparisons in each number."""
    return Parity(
        sentences=max(first.sentences, second.sentences),
        agreement=min(first.agreement, second.agreement),
        max_abs_difference=max(first.max_abs_difference, second.max_abs_difference),
        mean_abs_difference=max(first.mean_abs_difference, second.mean_abs_difference),
    )


def measure(
    model: Model,
    evaluation: Evaluation,
    *,
    task: TaskSettings,
    padded_length_tokens: int,
) -> tuple[Parity, Outputs]:
    """Run a model on all evaluation sentences and compare its outputs with the student's.

    A model for any length is also run on the first sentences with padding.

    Args:
        model: the model to run.
        evaluation: the sentences and the student's outputs.
        task: the student's task.
        padded_length_tokens: the length to pad to if the model takes any length.

    Returns:
        The comparison, the worse of both runs, and the outputs for all sentences.

    Raises:
        WorkerError: the model does not run, or its outputs have a different shape or are not finite.
    """
    outputs = client.outputs_of(model, evaluation.tokens)
    parity = compare(evaluation.student, outputs, task, evaluation.labels)
    if not model.graph.source_lengths:
        first = range(min(PADDED_SENTENCES, len(evaluation.tokens)))
        padded = client.outputs_of(model.padded_to((padded_length_tokens,)), evaluation.tokens.take(first))
        padded_parity = compare(evaluation.student.take(first), padded, task, evaluation.labels.take(first))
        parity = worst(parity, padded_parity)
    return parity, outputs


def check(parity: Parity, precision: Precision, limit: float = FP32_LIMIT) -> None:
    """Reject an fp32 model that differs from the student; other precisions may differ, which the record shows.

    Args:
        parity: comparison of the model with the student.
        precision: the model's precision.
        limit: the largest difference that rounding explains.

    Raises:
        WorkerError: the logits differ too much.
    """
    if precision is Precision.FP32 and parity.max_abs_difference >= limit:
        raise WorkerError(
            f"its logits differ from the student's by {parity.max_abs_difference:.1e}, "
            f"more than the {limit:.0e} that rounding explains"
        )

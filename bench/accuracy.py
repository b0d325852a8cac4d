"""Right and wrong, or near and far, over the evaluation split. Shapes: N sentences, C labels."""

import numpy as np
from numpy.typing import NDArray

from bench.record import Accuracy, Correlation, Estimate
from contract.errors import InputError
from infer.tasks import regression
from infer.tasks.rows import Labels
from infer.tasks.score import Score

Logits = NDArray[np.float32]


def judge(
    logits_NC: Logits,
    labels_N: Labels,
    teacher_logits_NC: Logits,
    student_logits_NC: Logits | None = None,
) -> Accuracy:
    """Count how often a model is right, and how often it answers as others do.

    Args:
        logits_NC: the model's outputs.
        labels_N: the true labels.
        teacher_logits_NC: the teacher's outputs.
        student_logits_NC: the PyTorch student's outputs; none if the model is the teacher.

    Raises:
        InputError: the outputs are not of these sentences and labels, or are not numbers.
    """
    check(logits_NC, labels_N, teacher_logits_NC)
    predicted_N = logits_NC.argmax(axis=1)
    teacher_N = teacher_logits_NC.argmax(axis=1)
    right_N, teacher_right_N = predicted_N == labels_N, teacher_N == labels_N
    counts_CC = np.zeros((logits_NC.shape[1], logits_NC.shape[1]), dtype=np.int64)
    np.add.at(counts_CC, (labels_N.astype(np.int64), predicted_N), 1)
    return Accuracy(
        confusion=tuple(tuple(row) for row in counts_CC.tolist()),
        teacher_right=int(teacher_right_N.sum()),
        both_right=int((right_N & teacher_right_N).sum()),
        agrees_with_teacher=int((predicted_N == teacher_N).sum()),
        agrees_with_student=_agreements(predicted_N, student_logits_NC),
    )


def correlate(
    logits_N1: Logits,
    labels_N: Labels,
    teacher_logits_N1: Logits,
    student_logits_N1: Logits | None = None,
) -> Correlation:
    """Correlate a model's scores with the data's, the teacher's and the student's.

    Args:
        logits_N1: the model's outputs.
        labels_N: the true scores.
        teacher_logits_N1: the teacher's outputs.
        student_logits_N1: the PyTorch student's outputs; none if the model is the teacher.

    Raises:
        InputError: the outputs are not of these sentences, or are not numbers.
    """
    check(logits_N1, labels_N, teacher_logits_N1)
    found = {name: _estimate(score) for name, score in regression.scores(labels_N, logits_N1).items()}
    return Correlation(
        total=len(labels_N),
        pearson=found["pearson"],
        spearman=found["spearman"],
        rmse=found["rmse"],
        pearson_drop=_estimate(regression.pearson_drop(labels_N, logits_N1, teacher_logits_N1)),
        pearson_teacher=_correlation(logits_N1, teacher_logits_N1),
        pearson_student=None if student_logits_N1 is None else _correlation(logits_N1, student_logits_N1),
    )


def check(logits_NC: Logits, labels_N: Labels, teacher_logits_NC: Logits) -> None:
    """Check that a model can be judged.

    Raises:
        InputError: the outputs are not of these sentences and labels, or are not numbers.
    """
    if logits_NC.shape != teacher_logits_NC.shape or len(logits_NC) != len(labels_N):
        raise InputError(
            f"outputs of shape {logits_NC.shape} for {len(labels_N)} labels and teacher outputs of shape "
            f"{teacher_logits_NC.shape}",
            "measure the folder with the student it was made from",
        )
    if not np.isfinite(logits_NC).all():
        raise InputError("the model's outputs are not all finite numbers", "distil or convert it again")


def _correlation(first_N1: Logits, second_N1: Logits) -> float:
    return regression.pearson(regression.decode(first_N1), regression.decode(second_N1))


def _estimate(score: Score) -> Estimate:
    return Estimate(value=score.value, low=score.low, high=score.high)


def _agreements(predicted_N: NDArray[np.intp], other_logits_NC: Logits | None) -> int | None:
    return None if other_logits_NC is None else int((predicted_N == other_logits_NC.argmax(axis=1)).sum())

"""How right a converted model answers, beside the student and the teacher. Shapes: N sentences, C outputs."""

import numpy as np
from numpy.typing import NDArray

from contract.errors import needs_extra
from convert.converter import EXTRA
from infer import tasks
from infer.folders.artifact import Quality
from infer.folders.student import Evaluation

Logits = NDArray[np.float32]


def judge(evaluation: Evaluation, task: str, metric: str, logits_NC: Logits) -> Quality:
    """Judge a model's logits.

    Args:
        evaluation: the sentences, their labels, and what the teacher and the student answer.
        task: its kind.
        metric: what the student's recipe judges by.
        logits_NC: the model's answers to all sentences.
    """
    with needs_extra(EXTRA):
        kind = tasks.get(task)
    labels_N = evaluation.labels_N
    teacher, student, own = (
        kind.values(labels_N, answers_NC)[metric]
        for answers_NC in (evaluation.teacher_logits_NC, evaluation.student_logits_NC, logits_NC)
    )
    if logits_NC.shape[1] == 1:
        return Quality(
            metric=metric, value=own, student=student, teacher=teacher, lost=None, gained=None, divergence=None
        )
    right_N = logits_NC.argmax(axis=1) == labels_N
    student_right_N = evaluation.student_logits_NC.argmax(axis=1) == labels_N
    return Quality(
        metric=metric,
        value=own,
        student=student,
        teacher=teacher,
        lost=int((student_right_N & ~right_N).sum()),
        gained=int((right_N & ~student_right_N).sum()),
        divergence=divergence(evaluation.teacher_logits_NC, logits_NC),
    )


def divergence(teacher_logits_NC: Logits, logits_NC: Logits) -> float:
    """Return the mean over sentences of KL(teacher || model), in nats."""
    teacher_NC, own_NC = _log_softmax(teacher_logits_NC), _log_softmax(logits_NC)
    return float((np.exp(teacher_NC) * (teacher_NC - own_NC)).sum(axis=1).mean())


def _log_softmax(logits_NC: Logits) -> NDArray[np.float64]:
    shifted_NC = logits_NC.astype(np.float64) - logits_NC.max(axis=1, keepdims=True)
    found_NC: NDArray[np.float64] = shifted_NC - np.log(np.exp(shifted_NC).sum(axis=1, keepdims=True))
    return found_NC

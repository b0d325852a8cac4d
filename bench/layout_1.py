"""Upgrade records of layout 1, which had a section for each kind of task, to layout 2.

Shapes: N examples, C labels.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import model_validator

from contract import ragged
from contract.strict import Strict, parse
from infer import tasks
from infer.folders.settings import with_task_settings
from infer.metrics.correlation import PEARSON, RMSE, SPEARMAN
from infer.metrics.counts import ACCURACY
from infer.metrics.metric import Interval, paired_drop
from infer.outputs import of_logits
from infer.tasks import evaluate


class Accuracy(Strict):
    """Counts of right and wrong answers.

    Attributes:
        confusion: sentences by true label (row) and predicted label (column).
        teacher_right: sentences that the teacher classifies correctly.
        both_right: sentences that the teacher and the model classify correctly.
        agrees_with_teacher: sentences with the teacher's label.
        agrees_with_student: sentences with the PyTorch student's label; null for the teacher.
    """

    confusion: tuple[tuple[int, ...], ...]
    teacher_right: int
    both_right: int
    agrees_with_teacher: int
    agrees_with_student: int | None

    @property
    def total(self) -> int:
        """Number of sentences."""
        return sum(map(sum, self.confusion))

    @property
    def pairs(self) -> tuple[int, int, int, int]:
        """Sentences that both, only the teacher, only the model, and neither classify correctly."""
        right = sum(row[label] for label, row in enumerate(self.confusion))
        lost, won = self.teacher_right - self.both_right, right - self.both_right
        return self.both_right, lost, won, self.total - self.both_right - lost - won

    @model_validator(mode="after")
    def _is_possible(self) -> "Accuracy":
        if any(len(row) != len(self.confusion) for row in self.confusion):
            raise ValueError("the confusion matrix is not square")
        if min(self.pairs + tuple(count for row in self.confusion for count in row)) < 0:
            raise ValueError("these counts cannot be from the same sentences")
        return self


class Correlation(Strict):
    """Correlation of a regression's scores with the labels; layout 2 has none with the scores of other models."""

    total: int
    pearson: Interval
    spearman: Interval
    rmse: Interval
    pearson_drop: Interval
    pearson_teacher: float
    pearson_student: float | None


class Sections(Strict):
    """The sections of layout 1; null where there were no labels."""

    accuracy: Accuracy | None = None
    correlation: Correlation | None = None


def upgraded(value: Mapping[str, Any], source: str) -> dict[str, Any]:
    """Return a record as a value of layout 2.

    Args:
        value: the record of layout 1.
        source: the file's name, for error messages.

    Raises:
        InputError: a section cannot be read.
        MissingExtraError: a library that the metrics need is not installed.
    """
    keys = [key for key in Sections.model_fields if key in value]
    sections = parse(Sections, {key: value[key] for key in keys}, source)
    unchanged = {key: entry for key, entry in _with_task(value).items() if key not in (*keys, "label_names")}
    unchanged |= {"schema_version": 2, "statistics": None}
    kind = str(value.get("task"))
    if sections.accuracy is not None and sections.accuracy.total and kind in tasks.MODULES:
        fields = _from_counts(sections.accuracy, kind)
    elif sections.correlation is not None:
        fields = _from_correlation(sections.correlation)
    else:
        return {**unchanged, "examples": None, "quality": None, "drop": None, "agreement": {}}
    quality = {name: interval.model_dump() for name, interval in fields["quality"].items()}
    drop = None if value.get("kind") == "teacher" else fields["drop"].model_dump()
    return {**unchanged, **fields, "outputs": None, "quality": quality, "drop": drop}


def _with_task(value: Mapping[str, Any]) -> dict[str, Any]:
    """Return the keys with the task's settings and its default metric, the only one in layout 1."""
    kind = value.get("task")
    if not isinstance(kind, str) or kind not in tasks.MODULES:
        return dict(value)  # refused later
    return {**with_task_settings(dict(value)), "metric": tasks.get(kind).METRICS[0].name}


def _from_counts(counts: Accuracy, kind: str) -> dict[str, Any]:
    labels_N, predicted_N = _unrolled(counts.confusion)
    classes = len(counts.confusion)
    outputs = of_logits(np.eye(classes, dtype=np.float32)[predicted_N])
    task = tasks.settings(kind, [str(label) for label in range(classes)])
    # The order of the sentences does not change a share, or a pair of shares.
    right_4, teacher_right_4 = np.array([1.0, 0.0, 1.0, 0.0]), np.array([1.0, 1.0, 0.0, 0.0])
    model_N1, teacher_N1 = (np.repeat(right, counts.pairs)[:, None] for right in (right_4, teacher_right_4))
    agreement = {"teacher": counts.agrees_with_teacher, "student": counts.agrees_with_student}
    return {
        "examples": counts.total,
        "quality": evaluate.intervals(task, outputs, ragged.single(labels_N)),
        "drop": paired_drop(ACCURACY, model_N1, teacher_N1),
        "agreement": {kind: count / counts.total for kind, count in agreement.items() if count is not None},
    }


def _from_correlation(correlation: Correlation) -> dict[str, Any]:
    return {
        "examples": correlation.total,
        "quality": {metric.name: getattr(correlation, metric.name) for metric in (PEARSON, SPEARMAN, RMSE)},
        "drop": correlation.pearson_drop,
        "agreement": {},
    }


def _unrolled(confusion: tuple[tuple[int, ...], ...]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the true and the predicted label of each sentence, shape (N,)."""
    counts_CC = np.asarray(confusion)
    true_P, predicted_P = np.indices(counts_CC.shape).reshape(2, -1)
    return np.repeat(true_P, counts_CC.ravel()), np.repeat(predicted_P, counts_CC.ravel())

"""Records of layout 1, which had a section for each kind of task: what they say in the keys of layout 2.

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
from infer.tasks import judge


class Accuracy(Strict):
    """Counts of right and wrong answers.

    Attributes:
        confusion: sentences by true label (row) and predicted label (column).
        teacher_right: sentences the teacher has right.
        both_right: sentences both have right.
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
        """How many sentences were judged."""
        return sum(map(sum, self.confusion))

    @property
    def pairs(self) -> tuple[int, int, int, int]:
        """Sentences that both, only the teacher, only the model, and neither have right."""
        right = sum(row[label] for label, row in enumerate(self.confusion))
        lost, won = self.teacher_right - self.both_right, right - self.both_right
        return self.both_right, lost, won, self.total - self.both_right - lost - won

    @model_validator(mode="after")
    def _is_possible(self) -> "Accuracy":
        if any(len(row) != len(self.confusion) for row in self.confusion):
            raise ValueError("the confusion matrix is not square")
        if min(self.pairs + tuple(count for row in self.confusion for count in row)) < 0:
            raise ValueError("these counts cannot be of the same sentences")
        return self


class Correlation(Strict):
    """How a regression's scores go with the data's; how they go with other models' is not told any more."""

    total: int
    pearson: Interval
    spearman: Interval
    rmse: Interval
    pearson_drop: Interval
    pearson_teacher: float
    pearson_student: float | None


class Judged(Strict):
    """The sections of layout 1; none where the labels were not at hand."""

    accuracy: Accuracy | None = None
    correlation: Correlation | None = None


def converted(value: Mapping[str, Any], source: str) -> dict[str, Any]:
    """Return a record's keys as layout 2 has them.

    Args:
        value: the record of layout 1.
        source: the file's name, to begin an error with.

    Raises:
        InputError: a section cannot be read.
        MissingExtraError: what judges the counts is not installed.
    """
    sections = {key: value[key] for key in Judged.model_fields if key in value}
    judged = parse(Judged, sections, source)
    kept = {key: entry for key, entry in _with_task(value).items() if key not in (*sections, "label_names")}
    kept |= {"schema_version": 2, "statistics": None}
    kind = str(value.get("task"))
    if judged.accuracy is not None and judged.accuracy.total and kind in tasks.MODULES:
        found = _of_counts(judged.accuracy, kind)
    elif judged.correlation is not None:
        found = _of_scores(judged.correlation)
    else:
        return {**kept, "examples": None, "quality": None, "drop": None, "agreement": {}}
    quality = {name: one.model_dump() for name, one in found["quality"].items()}
    drop = None if value.get("kind") == "teacher" else found["drop"].model_dump()
    return {**kept, **found, "outputs": None, "quality": quality, "drop": drop}


def _with_task(value: Mapping[str, Any]) -> dict[str, Any]:
    """Return the keys with the task's settings and its usual metric: layout 1 knew no other."""
    kind = value.get("task")
    if not isinstance(kind, str) or kind not in tasks.MODULES:
        return dict(value)  # it is refused for that
    return {**with_task_settings(dict(value)), "metric": tasks.get(kind).METRICS[0].name}


def _of_counts(counts: Accuracy, kind: str) -> dict[str, Any]:
    labels_N, answers_N = _unrolled(counts.confusion)
    classes = len(counts.confusion)
    answers = of_logits(np.eye(classes, dtype=np.float32)[answers_N])
    task = tasks.settings(kind, [str(label) for label in range(classes)])
    # A share and a pair of shares are the same in whatever order the sentences come.
    right_4, teacher_right_4 = np.array([1.0, 0.0, 1.0, 0.0]), np.array([1.0, 1.0, 0.0, 0.0])
    own_N1, teacher_N1 = (np.repeat(right, counts.pairs)[:, None] for right in (right_4, teacher_right_4))
    agreement = {"teacher": counts.agrees_with_teacher, "student": counts.agrees_with_student}
    return {
        "examples": counts.total,
        "quality": judge.intervals(task, answers, ragged.single(labels_N)),
        "drop": paired_drop(ACCURACY, own_N1, teacher_N1),
        "agreement": {who: count / counts.total for who, count in agreement.items() if count is not None},
    }


def _of_scores(found: Correlation) -> dict[str, Any]:
    return {
        "examples": found.total,
        "quality": {metric.name: getattr(found, metric.name) for metric in (PEARSON, SPEARMAN, RMSE)},
        "drop": found.pearson_drop,
        "agreement": {},
    }


def _unrolled(confusion: tuple[tuple[int, ...], ...]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the true and the answered label of each sentence, shape (N,)."""
    counts_CC = np.asarray(confusion)
    true_P, answered_P = np.indices(counts_CC.shape).reshape(2, -1)
    return np.repeat(true_P, counts_CC.ravel()), np.repeat(answered_P, counts_CC.ravel())

"""The students that take part in a search, checked before anything is converted."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from contract.errors import InputError
from contract.ragged import Ragged
from convert import calibration
from convert.artifact import Origin, origin_of
from convert.build import check_complete
from convert.tune.floor import Floor
from infer import tasks
from infer.folders.student import Evaluation, read_evaluation, read_student
from infer.folders.variant import Reads
from infer.metrics.metric import Metric, Statistics
from infer.outputs import Outputs, check_alike
from infer.tasks.evaluate import statistics
from targets.profile import Profile


@dataclass(frozen=True, kw_only=True, slots=True)
class Entrant:
    """A student in a search.

    Attributes:
        origin: the student folder, its manifest and the device.
        evaluation: the evaluation sentences with their labels and the outputs of the student and the teacher.
        search_rows, check_rows: the two halves of the sentences, of which the search only sees the first.
    """

    origin: Origin
    evaluation: Evaluation
    search_rows: NDArray[np.int64]
    check_rows: NDArray[np.int64]

    @property
    def name(self) -> str:
        """The name of the student folder."""
        return self.origin.folder.resolve().name

    @property
    def task(self) -> tasks.TaskSettings:
        """The settings of the student's task."""
        return self.origin.student.task

    @property
    def metric(self) -> Metric:
        """The main metric of the student's recipe."""
        return tasks.metric(self.task.kind, self.origin.student.main_metric)

    @property
    def reads(self) -> Reads:
        """The tokens of the last layer that the answer depends on."""
        return tasks.get(self.task.kind).READS

    def statistics(self, outputs: Outputs, rows: NDArray[np.int64]) -> Statistics:
        """Return the main metric's statistics of some sentences, shape (N, K).

        Args:
            outputs: outputs for N sentences.
            rows: row numbers of the N sentences.
        """
        return statistics(self.task, outputs, self.evaluation.labels.take(rows))[self.metric.name]


def load_entrant(folder: Path, profile: Profile) -> Entrant:
    """Read a student folder and split its evaluation sentences into halves.

    Raises:
        InputError: the folder is not a complete student, or its sentences cannot be used.
    """
    manifest = read_student(folder)
    check_complete(folder, manifest)
    evaluation = read_evaluation(folder)
    calibration.read(folder, evaluation.tokens)
    if len(evaluation.tokens) < 2:
        raise InputError(f"{folder}: needs at least two evaluation sentences", "distil again with a validation split")
    order = np.random.default_rng(0).permutation(len(evaluation.tokens))
    return Entrant(
        origin=origin_of(folder, manifest, evaluation.tokens, profile),
        evaluation=evaluation,
        # Shuffled, so that the first sentences of a half are a random sample even if the split is sorted.
        search_rows=order[: len(order) // 2],
        check_rows=order[len(order) // 2 :],
    )


def check_comparable(entrants: Sequence[Entrant], floor: Floor) -> None:
    """Check that students can be compared.

    Raises:
        InputError: the students' tasks, metrics, teachers or splits differ, their floors would differ, or a lower value
            of their metric is better.
    """
    first = entrants[0]
    _check_direction(first)
    if len(entrants) > 1 and floor.reference == "student":
        raise InputError(
            f"floor {floor} is different for each student", "use a floor such as teacher-1.0, or a score in points"
        )
    for index, other in enumerate(entrants[1:], start=1):
        if other.name in {entrant.name for entrant in entrants[:index]}:
            raise InputError(
                f"{other.origin.folder}: two students are called {other.name}", "rename one of the folders"
            )
        if not _same_task(first, other):
            raise InputError(
                f"{other.origin.folder}: task, metric, teacher or data differ from those of {first.origin.folder}",
                "run tinybert tune separately for students of different tasks",
            )


def _check_direction(entrant: Entrant) -> None:
    """Check that a higher value of the metric is better, as a floor is a lower bound."""
    if not entrant.metric.higher_is_better:
        names = [metric.name for metric in tasks.get(entrant.task.kind).METRICS if metric.higher_is_better]
        raise InputError(
            f"{entrant.origin.folder}: a lower {entrant.metric.heading} is better, so it cannot have a floor",
            f"distil with metric = one of {', '.join(names)}",
        )


def _same_task(first: Entrant, other: Entrant) -> bool:
    return (
        (first.task, first.metric.name) == (other.task, other.metric.name)
        and _same_labels(first.evaluation.labels, other.evaluation.labels)
        and _same_teacher(first, other)
    )


def _same_labels(first: Ragged, other: Ragged) -> bool:
    return np.array_equal(first.values, other.values) and np.array_equal(first.offsets, other.offsets)


def _same_teacher(first: Entrant, other: Entrant) -> bool:
    """Return whether both teachers give the same answers; their outputs may differ by rounding."""
    first_outputs, other_outputs = first.evaluation.teacher, other.evaluation.teacher
    try:
        check_alike(other_outputs, first_outputs)
    except InputError:
        return False
    return bool(tasks.get(first.task.kind).agree(other_outputs, first_outputs, first.evaluation.labels).all())

"""The students of a search, checked before anything is made of them."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from contract.errors import InputError
from contract.ragged import Ragged
from convert import calibration
from convert.build import check_whole
from convert.tune.candidate import Entrant
from convert.tune.floor import Floor
from convert.write import origin_of
from infer import tasks
from infer.folders.student import read_evaluation, read_student
from infer.outputs import check_alike
from targets.profile import Profile


def enter(folder: Path, profile: Profile) -> Entrant:
    """Read a student and part its evaluation sentences.

    Raises:
        InputError: the folder is no whole student, or its sentences cannot be used.
    """
    manifest = read_student(folder)
    check_whole(folder, manifest)
    evaluation = read_evaluation(folder)
    calibration.read(folder, evaluation.tokens)
    if len(evaluation.tokens) < 2:
        raise InputError(f"{folder}: needs at least two evaluation sentences", "distil again with a validation split")
    order = np.random.default_rng(0).permutation(len(evaluation.tokens))
    return Entrant(
        origin=origin_of(folder, manifest, evaluation.tokens, profile),
        evaluation=evaluation,
        # In this order: what is asked first is a sample of them all, however the split is sorted.
        search_rows=order[: len(order) // 2],
        check_rows=order[len(order) // 2 :],
    )


def check_together(entrants: Sequence[Entrant], floor: Floor) -> None:
    """Check that students can be compared.

    Raises:
        InputError: they are not of one task, metric, teacher and split, or the floor is another for each or none of
            their metric.
    """
    first = entrants[0]
    _check_direction(first)
    if len(entrants) > 1 and floor.reference == "student":
        raise InputError(f"floor {floor} is another for each student", "give one of teacher-1.0 or a score in points")
    for place, other in enumerate(entrants[1:], start=1):
        if other.name in {one.name for one in entrants[:place]}:
            raise InputError(
                f"{other.origin.folder}: two students are called {other.name}", "rename one of the folders"
            )
        if not _same_task(first, other):
            raise InputError(
                f"{other.origin.folder}: not of the task, metric, teacher and data of {first.origin.folder}",
                "tune students of one task together, others in a command of their own",
            )


def _check_direction(entrant: Entrant) -> None:
    """Check that more of an entrant's metric is better, as a floor must be reached from below."""
    if not entrant.metric.higher_is_better:
        rising = [one.name for one in tasks.get(entrant.task.kind).METRICS if one.higher_is_better]
        raise InputError(
            f"{entrant.origin.folder}: judged by {entrant.metric.name}, of which less is better, so it has no floor",
            f"distil with metric = one of {', '.join(rising)}",
        )


def _same_task(first: Entrant, other: Entrant) -> bool:
    return (
        (first.task, first.metric.name) == (other.task, other.metric.name)
        and _same_labels(first.evaluation.labels, other.evaluation.labels)
        and _same_teacher(first, other)
    )


def _same_labels(own: Ragged, theirs: Ragged) -> bool:
    return np.array_equal(own.values, theirs.values) and np.array_equal(own.offsets, theirs.offsets)


def _same_teacher(first: Entrant, other: Entrant) -> bool:
    """Tell whether both teachers answer alike; their numbers may differ by rounding."""
    own, theirs = first.evaluation.teacher, other.evaluation.teacher
    try:
        check_alike(theirs, own)
    except InputError:
        return False
    return bool(tasks.get(first.task.kind).agree(theirs, own, first.evaluation.labels).all())

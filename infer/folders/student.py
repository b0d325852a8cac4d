"""The student folder: a plain Hugging Face model, plus what the later stages need to know of it.

Torch-free, so that conversion's and measurement's bookkeeping can read it anywhere.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast

import numpy as np
from numpy.typing import NDArray

from contract.errors import InputError
from contract.folder import Manifest, read_manifest
from contract.tokens import Tokens, read_tokens, write_tokens
from infer import tasks
from infer.tasks.rows import Labels

SCHEMA: Literal[1] = 1
STUDENT_MANIFEST = "student.json"
TEACHER_MANIFEST = "teacher.json"
EVALUATION = "evaluation.npz"
CALIBRATION = "calibration.npz"
CURE = "make the student again"


class Model(Manifest):
    """What teacher.json and student.json both say.

    Attributes:
        name: the recipe's name, which also names the data.
        task: the kind of task, a module of infer/tasks/.
        label_names: by label number.
        max_length_tokens: where texts were cut.
        parameters: how many numbers the model has.
    """

    name: str
    task: tasks.Name
    label_names: tuple[str, ...]
    max_length_tokens: int
    parameters: int
    seed: int


class Teacher(Model):
    """teacher.json: a model of the task, where it is from, and each metric of its task on the validation split."""

    source: str
    validation_scores: dict[str, float]


class Student(Model):
    """student.json: the student, its shape in words, and the recipe that made it, as it was read."""

    shape: str
    recipe: dict[str, object]

    @property
    def main_metric(self) -> str:
        """What its recipe judges by; the task's usual metric where it says nothing.

        Raises:
            InputError: the recipe names none of its task.
        """
        known = tasks.get(self.task).METRICS
        metric = self.recipe.get("metric") or known[0]
        if metric not in known:
            raise InputError(f"student {self.name}: {metric!r} is no metric of a {self.task}", CURE)
        return str(metric)


@dataclass(frozen=True, kw_only=True, slots=True)
class Evaluation:
    """The evaluation split as token ids, with what only the host may know.

    Attributes:
        tokens: N sentences.
        labels_N: their labels: numbers of labels, or scores.
        teacher_logits_NC: the teacher's outputs.
        student_logits_NC: the PyTorch student's outputs in fp32, the reference of every converted artifact.
    """

    tokens: Tokens
    labels_N: Labels
    teacher_logits_NC: NDArray[np.float32]
    student_logits_NC: NDArray[np.float32]


def read_student(folder: Path) -> Student:
    """Read student.json.

    Raises:
        InputError: not a finished student folder.
    """
    return read_manifest(folder / STUDENT_MANIFEST, Student)


def read_teacher(folder: Path) -> Teacher:
    """Read teacher.json.

    Raises:
        InputError: not a finished teacher folder.
    """
    return read_manifest(folder / TEACHER_MANIFEST, Teacher)


def write_evaluation(folder: Path, evaluation: Evaluation) -> None:
    """Write evaluation.npz into a student folder."""
    write_tokens(
        folder / EVALUATION,
        evaluation.tokens,
        labels=evaluation.labels_N,
        teacher_logits=evaluation.teacher_logits_NC,
        student_logits=evaluation.student_logits_NC,
    )


def read_evaluation(folder: Path) -> Evaluation:
    """Read evaluation.npz of a student folder.

    Raises:
        InputError: an array is missing, or they are not of the same sentences and labels.
    """
    tokens, arrays = read_tokens(folder / EVALUATION)
    labels_N, teacher_NC, student_NC = (arrays.get(name) for name in ("labels", "teacher_logits", "student_logits"))
    if labels_N is None or teacher_NC is None or student_NC is None:
        raise InputError(f"{folder / EVALUATION}: has no labels or no logits", CURE)
    if labels_N.shape != (len(tokens),) or teacher_NC.shape != student_NC.shape or student_NC.ndim != 2:
        raise InputError(f"{folder / EVALUATION}: its labels and logits are not of its sentences", CURE)
    is_of_classes = np.issubdtype(labels_N.dtype, np.integer)
    if is_of_classes and not np.isin(labels_N, np.arange(student_NC.shape[1])).all():
        raise InputError(f"{folder / EVALUATION}: a label is none of {student_NC.shape[1]}", CURE)
    return Evaluation(
        tokens=tokens,
        labels_N=cast("Labels", labels_N),
        teacher_logits_NC=cast("NDArray[np.float32]", teacher_NC),
        student_logits_NC=cast("NDArray[np.float32]", student_NC),
    )


def read_calibration(folder: Path) -> Tokens:
    """Read the calibration sentences (training data only) of a student folder."""
    return read_tokens(folder / CALIBRATION)[0]

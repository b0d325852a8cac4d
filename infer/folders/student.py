"""The student folder: a plain Hugging Face model, plus what later stages need.

Torch-free, so that conversion and measurement can read it anywhere.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from contract import ragged
from contract.errors import InputError
from contract.folder import Manifest, read_manifest
from contract.ragged import Ragged
from contract.strict import Count, Line, Slug
from contract.tokenizer import pad_id_of, read_tokenizer
from contract.tokens import Arrays, Tokens, read_tokens, write_tokens
from infer import tasks
from infer.folders.graph import LENGTH_LIMIT_TOKENS, LOGITS, encoder
from infer.folders.model import MODEL
from infer.folders.model import Model as RuntimeModel
from infer.folders.settings import with_task_settings
from infer.outputs import Outputs
from targets.runtimes import PYTORCH

SCHEMA: Literal[2] = 2
STUDENT_MANIFEST = "student.json"
TEACHER_MANIFEST = "teacher.json"
EVALUATION = "evaluation.npz"
TOKENIZER = "tokenizer.json"
CALIBRATION = "calibration.npz"
IN_TRAINING = "in_training"
CURE = "make the student again"


class Model(Manifest):
    """The common fields of teacher.json and student.json.

    Attributes:
        name: name of the recipe, which is also that of the data.
        task: kind of task and its possible answers.
        max_length_tokens: length at which texts were cut.
        parameters: number of parameters of the model.
    """

    name: Slug
    task: tasks.TaskSettings
    max_length_tokens: Annotated[int, Field(ge=1, le=LENGTH_LIMIT_TOKENS)]
    parameters: Count
    seed: int

    @classmethod
    def from_layout_1(cls, value: dict[str, Any]) -> dict[str, Any]:
        """Convert the keys of layout 1, which had the task's name and the labels in separate keys."""
        return with_task_settings(value)

    def model(self, folder: Path) -> RuntimeModel:
        """Return the model for PyTorch, with one thread because it has no profile.

        Args:
            folder: folder of this model.

        Raises:
            InputError: its tokenizer cannot be read.
        """
        graph = encoder("", columns=self.task.columns, by_token=tasks.get(self.task.kind).READS == "all")
        return RuntimeModel(
            folder=folder,
            runtime=PYTORCH,
            graphs={MODEL: graph},
            threads=1,
            pad_id=pad_id_of(read_tokenizer(folder / TOKENIZER)),
        )


class Teacher(Model):
    """teacher.json: a model for the task, its source, and each metric of its task on the validation split."""

    source: Line
    validation_scores: dict[str, float]


class Student(Model):
    """student.json: the student, its shape in words, and the recipe that made it, as read from its file."""

    shape: Line
    recipe: dict[str, object]

    @property
    def main_metric(self) -> str:
        """The metric that the recipe names; the task's default metric if it names none.

        Raises:
            InputError: the recipe names a metric that its task does not have.
        """
        known = [metric.name for metric in tasks.get(self.task.kind).METRICS]
        metric = self.recipe.get("metric") or known[0]
        if metric not in known:
            raise InputError(f"student {self.name}: {metric!r} is not a metric of {self.task.kind}", CURE)
        return str(metric)


@dataclass(frozen=True, kw_only=True, slots=True)
class Evaluation:
    """The evaluation split as token ids, with the references, which never leave the host.

    Attributes:
        tokens: token ids of N examples.
        labels: the references, one entry per example or one per token.
        teacher: outputs of the teacher.
        student: outputs of the PyTorch student in fp32, with which each artifact is compared.
        in_training_N: whether each example is a training example, too; None if none is, or nobody looked.
    """

    tokens: Tokens
    labels: Ragged
    teacher: Outputs
    student: Outputs
    in_training_N: NDArray[np.bool_] | None = None

    def without_training(self) -> "Evaluation":
        """Return the examples that are not known to be training examples."""
        return self if self.in_training_N is None else self.take(np.flatnonzero(~self.in_training_N))

    def take(self, rows: NDArray[np.integer]) -> "Evaluation":
        """Return some of the examples, in the order asked for."""
        return Evaluation(
            tokens=self.tokens.take(rows.tolist()),
            labels=self.labels.take(rows),
            teacher=self.teacher.take(rows),
            student=self.student.take(rows),
            in_training_N=None if self.in_training_N is None else self.in_training_N[rows],
        )


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
    parts = {
        "labels": evaluation.labels,
        **_named("teacher", evaluation.teacher),
        **_named("student", evaluation.student),
    }
    arrays: Arrays = {}
    for name, part in parts.items():
        arrays |= {f"{name}.values": part.values, f"{name}.offsets": part.offsets}
    if evaluation.in_training_N is not None and evaluation.in_training_N.any():
        arrays[IN_TRAINING] = evaluation.in_training_N
    write_tokens(folder / EVALUATION, evaluation.tokens, **arrays)


def read_evaluation(folder: Path) -> Evaluation:
    """Read evaluation.npz of a student folder.

    Raises:
        InputError: an array is missing, or the arrays are not of the same examples and labels.
    """
    source = folder / EVALUATION
    tokens, arrays = read_tokens(source)
    arrays = _from_layout_1(arrays)
    try:
        labels = _ragged(arrays, "labels")
        teacher, student = (_outputs(arrays, side) for side in ("teacher", "student"))
    except KeyError as error:
        raise InputError(f"{source}: has no labels or no logits", CURE) from error
    except ValueError as error:
        raise InputError(f"{source}: its labels and logits do not match its sentences", CURE) from error
    logits = student.logits
    if not len(tokens) == len(labels) == len(teacher) == len(student) or logits.values.ndim != 2:
        raise InputError(f"{source}: its labels and logits do not match its sentences", CURE)
    same = teacher.logits.values.shape == logits.values.shape and np.array_equal(teacher.logits.offsets, logits.offsets)
    if not same:
        raise InputError(f"{source}: its labels and logits do not match its sentences", CURE)
    columns = logits.values.shape[1]
    if np.issubdtype(labels.values.dtype, np.integer) and (labels.values >= columns).any():
        raise InputError(f"{source}: label out of range: the model has {columns} classes", CURE)
    in_training_N = arrays.get(IN_TRAINING)
    if in_training_N is not None and (in_training_N.dtype != np.bool_ or in_training_N.shape != (len(tokens),)):
        raise InputError(f"{source}: its {IN_TRAINING} does not match its sentences", CURE)
    return Evaluation(
        tokens=tokens,
        labels=labels,
        teacher=teacher,
        student=student,
        in_training_N=None if in_training_N is None else in_training_N.astype(np.bool_),
    )


def _named(side: str, outputs: Outputs) -> dict[str, Ragged]:
    return {f"{side}.{name}": array for name, array in outputs.arrays.items()}


def _outputs(arrays: Arrays, side: str) -> Outputs:
    names = [
        name.removesuffix(".values") for name in arrays if name.startswith(f"{side}.") and name.endswith(".values")
    ]
    by_name = {name.removeprefix(f"{side}."): _ragged(arrays, name) for name in names}
    if LOGITS not in by_name:
        raise KeyError(LOGITS)
    return Outputs(arrays=by_name)


def _ragged(arrays: Arrays, name: str) -> Ragged:
    return Ragged(values=arrays[f"{name}.values"], offsets=arrays[f"{name}.offsets"].astype(np.int64))


def _from_layout_1(arrays: Arrays) -> Arrays:
    """Convert the arrays of layout 1, in which each sentence had one label and one row of logits."""
    converted: Arrays = {}
    for old, name in (("labels", "labels"), ("teacher_logits", "teacher.logits"), ("student_logits", "student.logits")):
        if old in arrays:
            single = ragged.single(arrays[old])
            converted |= {f"{name}.values": single.values, f"{name}.offsets": single.offsets}
    return converted or arrays


def read_calibration(folder: Path) -> Tokens:
    """Read the calibration sentences of a student folder, which are from the training data."""
    return read_tokens(folder / CALIBRATION)[0]

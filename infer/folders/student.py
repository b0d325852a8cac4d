"""The student folder: a plain Hugging Face model, plus what the later stages need to know of it.

Torch-free, so that conversion's and measurement's bookkeeping can read it anywhere.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from contract import ragged
from contract.errors import InputError
from contract.folder import Manifest, read_manifest
from contract.ragged import Ragged
from contract.tokenizer import pad_id_of, read_tokenizer
from contract.tokens import Arrays, Tokens, read_tokens, write_tokens
from infer import tasks
from infer.folders.graph import LOGITS, encoder
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
CURE = "make the student again"


class Model(Manifest):
    """What teacher.json and student.json both say.

    Attributes:
        name: the recipe's name, which also names the data.
        task: the kind of task and what its answers are.
        max_length_tokens: where texts were cut.
        parameters: how many numbers the model has.
    """

    name: str
    task: tasks.TaskSettings
    max_length_tokens: int
    parameters: int
    seed: int

    @classmethod
    def from_layout_1(cls, value: dict[str, Any]) -> dict[str, Any]:
        """Return the keys of layout 1, which had the task's name and the labels beside each other, as these."""
        return with_task_settings(value)

    def model(self, folder: Path) -> RuntimeModel:
        """Return the model as PyTorch takes it, with one thread, as it has no profile.

        Args:
            folder: Of this model.

        Raises:
            InputError: Its tokenizer cannot be read.
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
        known = [metric.name for metric in tasks.get(self.task.kind).METRICS]
        metric = self.recipe.get("metric") or known[0]
        if metric not in known:
            raise InputError(f"student {self.name}: {metric!r} is not a metric of {self.task.kind}", CURE)
        return str(metric)


@dataclass(frozen=True, kw_only=True, slots=True)
class Evaluation:
    """The evaluation split as token ids, with what only the host may know.

    Attributes:
        tokens: N examples.
        labels: the right answers, one entry an example, or one for each token.
        teacher: the teacher's outputs.
        student: the PyTorch student's outputs in fp32, the reference of every converted artifact.
    """

    tokens: Tokens
    labels: Ragged
    teacher: Outputs
    student: Outputs

    def take(self, rows: NDArray[np.integer]) -> "Evaluation":
        """Return some of the examples, in the order asked for."""
        return Evaluation(
            tokens=self.tokens.take(rows.tolist()),
            labels=self.labels.take(rows),
            teacher=self.teacher.take(rows),
            student=self.student.take(rows),
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
    write_tokens(folder / EVALUATION, evaluation.tokens, **arrays)


def read_evaluation(folder: Path) -> Evaluation:
    """Read evaluation.npz of a student folder.

    Raises:
        InputError: an array is missing, or they are not of the same examples and labels.
    """
    source = folder / EVALUATION
    tokens, arrays = read_tokens(source)
    arrays = _of_layout_1(arrays)
    try:
        labels = _ragged(arrays, "labels")
        teacher, student = (_outputs(arrays, whose) for whose in ("teacher", "student"))
    except KeyError as error:
        raise InputError(f"{source}: has no labels or no logits", CURE) from error
    except ValueError as error:
        raise InputError(f"{source}: its labels and logits are not of its sentences", CURE) from error
    logits = student.logits
    if not len(tokens) == len(labels) == len(teacher) == len(student) or logits.values.ndim != 2:
        raise InputError(f"{source}: its labels and logits are not of its sentences", CURE)
    same = teacher.logits.values.shape == logits.values.shape and np.array_equal(teacher.logits.offsets, logits.offsets)
    if not same:
        raise InputError(f"{source}: its labels and logits are not of its sentences", CURE)
    columns = logits.values.shape[1]
    if np.issubdtype(labels.values.dtype, np.integer) and (labels.values >= columns).any():
        raise InputError(f"{source}: label out of range: the model has {columns} classes", CURE)
    return Evaluation(tokens=tokens, labels=labels, teacher=teacher, student=student)


def _named(whose: str, outputs: Outputs) -> dict[str, Ragged]:
    return {f"{whose}.{name}": array for name, array in outputs.arrays.items()}


def _outputs(arrays: Arrays, whose: str) -> Outputs:
    names = [
        name.removesuffix(".values") for name in arrays if name.startswith(f"{whose}.") and name.endswith(".values")
    ]
    found = {name.removeprefix(f"{whose}."): _ragged(arrays, name) for name in names}
    if LOGITS not in found:
        raise KeyError(LOGITS)
    return Outputs(arrays=found)


def _ragged(arrays: Arrays, name: str) -> Ragged:
    return Ragged(values=arrays[f"{name}.values"], offsets=arrays[f"{name}.offsets"].astype(np.int64))


def _of_layout_1(arrays: Arrays) -> Arrays:
    """Read the names of layout 1, where each sentence had one label and one row of logits."""
    found: Arrays = {}
    for old, name in (("labels", "labels"), ("teacher_logits", "teacher.logits"), ("student_logits", "student.logits")):
        if old in arrays:
            single = ragged.single(arrays[old])
            found |= {f"{name}.values": single.values, f"{name}.offsets": single.offsets}
    return found or arrays


def read_calibration(folder: Path) -> Tokens:
    """Read the calibration sentences (training data only) of a student folder."""
    return read_tokens(folder / CALIBRATION)[0]

"""What can be measured: an artifact, or a teacher or student in PyTorch."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from contract.errors import InputError
from contract.folder import FileEntry, Manifest, identity, verify
from contract.tokenizer import read_tokenizer
from contract.tokens import Tokens, read_tokens
from infer import tasks
from infer.folders.artifact import ARTIFACT_MANIFEST, TOKENIZER, Artifact, read_artifact
from infer.folders.model import INPUTS
from infer.folders.student import (
    CALIBRATION,
    EVALUATION,
    STUDENT_MANIFEST,
    TEACHER_MANIFEST,
    Student,
    Teacher,
    read_student,
    read_teacher,
)
from infer.runtimes import PYTORCH
from targets.profile import Precision

Kind = Literal["teacher", "student", "artifact"]

HOST_ONLY = (EVALUATION, CALIBRATION)
# What transformers reads of a model folder; the rest of it (model card, training leftovers) does not count as size.
HUGGING_FACE = (
    "config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
)
HUGGING_FACE_SUFFIXES = (".safetensors", ".safetensors.index.json", "vocab.txt", "vocab.json", "merges.txt", ".model")
PADDING = ("[PAD]", "<pad>")


@dataclass(frozen=True, kw_only=True, slots=True)
class Subject:
    """One folder that can be measured, its files checked.

    Attributes:
        folder: absolute.
        sha256: the folder's identity.
        parents: identities of the folders it was made from, by role.
        metric: what its recipe judges by; of a teacher, the usual one of its task.
        model_file: below the folder; empty if the folder is the model.
        inputs: the model's names for ids, mask and token types.
        buckets: the padded lengths it takes; empty if it takes any.
        threads, target: of its profile; None for a teacher or student.
        parameters: how many numbers the model has, where its manifest says so.
        files: the files that running it needs.
        pad_id: token id to pad with.
    """

    folder: Path
    kind: Kind
    sha256: str
    parents: Mapping[str, str]
    name: str
    task: tasks.TaskSettings
    metric: str
    runtime: str
    precision: str
    model_file: str
    inputs: tuple[str, str, str]
    buckets: tuple[int, ...]
    threads: int | None
    target: str | None
    parameters: int | None
    files: Mapping[str, FileEntry]
    evaluation: FileEntry
    pad_id: int

    @property
    def label(self) -> str:
        """The subject in a few words, which also name its record."""
        return self.kind if self.kind != "artifact" else f"{self.runtime}-{self.precision}"

    @property
    def student_sha256(self) -> str | None:
        """Identity of the student it is or was made from; None for a teacher."""
        return self.sha256 if self.kind == "student" else self.parents.get("student")

    @property
    def size_bytes(self) -> int:
        """Size of the files that running it needs."""
        return sum(entry.size_bytes for entry in self.files.values())

    def tokens(self) -> Tokens:
        """Read its evaluation sentences."""
        return read_tokens(self.folder / EVALUATION)[0]


def read_subject(folder: Path) -> Subject:
    """Read a folder's manifest and check all its files.

    Raises:
        InputError: no artifact, student or teacher folder, or a file is not the one of its manifest.
    """
    folder = folder.resolve()
    if folder.is_file():
        raise InputError(f"{folder}: is a file, no folder", "unpack what is packed: python -m zipfile -e FILE FOLDER")
    if (folder / ARTIFACT_MANIFEST).is_file():
        return _artifact(folder, read_artifact(folder))
    if (folder / STUDENT_MANIFEST).is_file():
        return _model(folder, STUDENT_MANIFEST, read_student(folder))
    if (folder / TEACHER_MANIFEST).is_file():
        return _model(folder, TEACHER_MANIFEST, read_teacher(folder))
    raise InputError(
        f"{folder}: holds no {ARTIFACT_MANIFEST}, {STUDENT_MANIFEST} or {TEACHER_MANIFEST}",
        "name a folder that tinybert convert or tinybert distill has written",
    )


def _artifact(folder: Path, manifest: Artifact) -> Subject:
    evaluation = _checked(folder, manifest)
    if manifest.model_file not in manifest.files:
        raise InputError(f"{folder}: {manifest.model_file!r} is not among its files", "convert the student again")
    task, metric = manifest.task, manifest.quality.metric
    if metric not in (one.name for one in tasks.get(task.kind).METRICS):
        raise InputError(f"{folder}: {metric!r} is no metric of a {task.kind}", "convert the student again")
    return Subject(
        folder=folder,
        kind="artifact",
        sha256=identity(folder / ARTIFACT_MANIFEST),
        parents=manifest.parents,
        name=manifest.name,
        task=task,
        metric=metric,
        runtime=manifest.runtime.value,
        precision=manifest.precision.value,
        model_file=manifest.model_file,
        inputs=manifest.inputs,
        buckets=manifest.length_buckets_tokens,
        threads=manifest.threads,
        target=manifest.target,
        parameters=None,
        files={name: entry for name, entry in manifest.files.items() if name not in HOST_ONLY},
        evaluation=evaluation,
        pad_id=_pad_id(folder),
    )


def _model(folder: Path, name: str, manifest: Student | Teacher) -> Subject:
    evaluation = _checked(folder, manifest)
    return Subject(
        folder=folder,
        kind="student" if isinstance(manifest, Student) else "teacher",
        sha256=identity(folder / name),
        parents=manifest.parents,
        name=manifest.name,
        task=manifest.task,
        metric=_metric(manifest),
        runtime=PYTORCH,
        precision=Precision.FP32.value,
        model_file="",
        inputs=INPUTS,
        buckets=(),
        threads=None,
        target=None,
        parameters=manifest.parameters,
        files={file: entry for file, entry in manifest.files.items() if _is_needed(file)},
        evaluation=evaluation,
        pad_id=_pad_id(folder),
    )


def _metric(manifest: Student | Teacher) -> str:
    if isinstance(manifest, Student):
        return manifest.main_metric
    return tasks.get(manifest.task.kind).METRICS[0].name


def _checked(folder: Path, manifest: Manifest) -> FileEntry:
    """Check all files of a folder and return the entry of its evaluation sentences."""
    for name in (EVALUATION, TOKENIZER):
        if name not in manifest.files:
            raise InputError(f"{folder}: no {name} among its files", "make the folder again")
    verify(folder, manifest)
    return manifest.files[EVALUATION]


def _is_needed(file: str) -> bool:
    return "/" not in file and (file in HUGGING_FACE or file.endswith(HUGGING_FACE_SUFFIXES))


def _pad_id(folder: Path) -> int:
    tokenizer = read_tokenizer(folder / TOKENIZER)
    found = [tokenizer.token_to_id(token) for token in PADDING]
    return next((number for number in found if number is not None), 0)

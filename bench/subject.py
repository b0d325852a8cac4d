"""What can be measured: an artifact, or a teacher or student in PyTorch."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from contract.errors import InputError
from contract.folder import FileEntry, Manifest, identity, verify
from contract.tokenizer import pad_id_of, read_tokenizer
from contract.tokens import Tokens, read_tokens
from infer import tasks
from infer.folders.artifact import ARTIFACT_MANIFEST, TOKENIZER, Artifact, read_artifact
from infer.folders.graph import encoder
from infer.folders.model import MODEL, Model
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


@dataclass(frozen=True, kw_only=True, slots=True)
class Subject:
    """One folder that can be measured, its files checked.

    Attributes:
        model: what to run, in an absolute folder; of a teacher or student with one thread, as it has no profile.
        sha256: the folder's identity.
        parents: identities of the folders it was made from, by role.
        metric: what its recipe judges by; of a teacher, the usual one of its task.
        threads, target: of its profile; None for a teacher or student.
        parameters: how many numbers the model has, where its manifest says so.
        files: the files that running it needs.
    """

    model: Model
    kind: Kind
    sha256: str
    parents: Mapping[str, str]
    name: str
    task: tasks.TaskSettings
    metric: str
    precision: str
    threads: int | None
    target: str | None
    parameters: int | None
    files: Mapping[str, FileEntry]
    evaluation: FileEntry

    @property
    def folder(self) -> Path:
        """Where it lies."""
        return self.model.folder

    @property
    def runtime(self) -> str:
        """What runs it."""
        return self.model.runtime

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
        raise InputError(f"{folder}: a file, not a folder", "unpack what is packed: python -m zipfile -e FILE FOLDER")
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
    for name in manifest.needed:
        if name not in manifest.files:
            raise InputError(f"{folder}: {name!r} is not among its files", "convert the student again")
    task, metric = manifest.task, manifest.quality.metric
    if metric not in (one.name for one in tasks.get(task.kind).METRICS):
        raise InputError(f"{folder}: {metric!r} is not a metric of {task.kind}", "convert the student again")
    return Subject(
        model=manifest.model(folder),
        kind="artifact",
        sha256=identity(folder / ARTIFACT_MANIFEST),
        parents=manifest.parents,
        name=manifest.name,
        task=task,
        metric=metric,
        precision=manifest.precision.value,
        threads=manifest.threads,
        target=manifest.target,
        parameters=None,
        files={name: entry for name, entry in manifest.files.items() if name not in HOST_ONLY},
        evaluation=evaluation,
    )


def _model(folder: Path, name: str, manifest: Student | Teacher) -> Subject:
    evaluation = _checked(folder, manifest)
    graph = encoder("", columns=manifest.task.columns, by_token=tasks.get(manifest.task.kind).READS == "all")
    model = Model(
        folder=folder,
        runtime=PYTORCH,
        graphs={MODEL: graph},
        threads=1,
        pad_id=pad_id_of(read_tokenizer(folder / TOKENIZER)),
    )
    return Subject(
        model=model,
        kind="student" if isinstance(manifest, Student) else "teacher",
        sha256=identity(folder / name),
        parents=manifest.parents,
        name=manifest.name,
        task=manifest.task,
        metric=_metric(manifest),
        precision=Precision.FP32.value,
        threads=None,
        target=None,
        parameters=manifest.parameters,
        files={file: entry for file, entry in manifest.files.items() if _is_needed(file)},
        evaluation=evaluation,
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

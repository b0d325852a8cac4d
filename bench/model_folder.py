"""A folder with a model to measure: an artifact, or a teacher or student in PyTorch."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from contract.errors import InputError
from contract.folder import FileEntry, Manifest
from contract.tokens import Tokens, read_tokens
from infer import tasks
from infer.folders.artifact import ARTIFACT_MANIFEST, CARD, TOKENIZER, Artifact
from infer.folders.model import Model
from infer.folders.student import (
    CALIBRATION,
    EVALUATION,
    STUDENT_MANIFEST,
    TEACHER_MANIFEST,
    Student,
    Teacher,
)
from infer.shipping.verify import Verified, verify
from targets.profile import Precision

Kind = Literal["teacher", "student", "artifact"]

HOST_ONLY = (EVALUATION, CALIBRATION, CARD)
# The files that transformers reads; the rest (model card, training leftovers) does not count as size.
HUGGING_FACE = (
    "config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
)
HUGGING_FACE_SUFFIXES = (".safetensors", ".safetensors.index.json", "vocab.txt", "vocab.json", "merges.txt", ".model")


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelFolder:
    """A folder with a model to measure, its files checked.

    Attributes:
        model: the model, in an absolute folder; a teacher or student has no profile and so one thread.
        given: the absolute path that the user named: the folder, or the archive that it was unpacked from.
        sha256: the folder's identity.
        parents: identities of the folders it was made from, by role.
        metric: main metric of the recipe; for a teacher, the task's default.
        threads, target: from the artifact's profile; None for a teacher or student.
        parameters: number of parameters, if the manifest has it.
        files: the files needed to run the model.
    """

    model: Model
    given: Path
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
    def path(self) -> Path:
        """The absolute path of the folder."""
        return self.model.folder

    @property
    def runtime(self) -> str:
        """The name of its runtime."""
        return self.model.runtime

    @property
    def label(self) -> str:
        """A short label, which is also part of the record's file name."""
        return self.kind if self.kind != "artifact" else f"{self.runtime}-{self.precision}"

    @property
    def student_sha256(self) -> str | None:
        """Identity of the student, or of the student an artifact was made from; None for a teacher."""
        return self.sha256 if self.kind == "student" else self.parents.get("student")

    @property
    def tokenizer(self) -> FileEntry:
        """The entry of its tokenizer."""
        return self.files[TOKENIZER]

    @property
    def size_bytes(self) -> int:
        """Size of the files needed to run the model."""
        return sum(entry.size_bytes for entry in self.files.values())

    def tokens(self) -> Tokens:
        """Read the evaluation sentences."""
        return read_tokens(self.path / EVALUATION)[0]


def read_model_folder(path: Path, given: Path | None = None) -> ModelFolder:
    """Read a folder's manifest and check all its files, as `tinybert verify` does.

    Args:
        path: the folder.
        given: the archive that it was unpacked from, if any.

    Raises:
        InputError: not an artifact, student or teacher folder, or `tinybert verify` would refuse it.
    """
    path = path.resolve()
    given = path if given is None else given.resolve()
    if not any((path / name).is_file() for name in (ARTIFACT_MANIFEST, STUDENT_MANIFEST, TEACHER_MANIFEST)):
        cure = "name a folder written by tinybert convert or tinybert distill, or an archive of tinybert pack"
        if (path / "config.json").exists():
            cure += "; for a model of your own: tinybert convert FOLDER --data dev.csv"
        raise InputError(f"{given}: holds no {ARTIFACT_MANIFEST}, {STUDENT_MANIFEST} or {TEACHER_MANIFEST}", cure)
    verified = verify(path)
    manifest = verified.manifest
    if isinstance(manifest, Artifact):
        return _artifact(verified, given, manifest)
    assert isinstance(manifest, Student | Teacher)
    return _in_pytorch(verified, given, manifest)


def _artifact(verified: Verified, given: Path, manifest: Artifact) -> ModelFolder:
    path = verified.path
    evaluation = _evaluation(path, given, manifest)
    task, name = manifest.task, manifest.quality.metric
    if name not in (metric.name for metric in tasks.get(task.kind).METRICS):
        raise InputError(f"{path}: {name!r} is not a metric of {task.kind}", "convert the student again")
    return ModelFolder(
        model=manifest.model(path),
        given=given,
        kind="artifact",
        sha256=verified.sha256,
        parents=manifest.parents,
        name=manifest.name,
        task=task,
        metric=name,
        precision=manifest.precision.value,
        threads=manifest.threads,
        target=manifest.target,
        parameters=None,
        files={file: entry for file, entry in manifest.files.items() if file not in HOST_ONLY},
        evaluation=evaluation,
    )


def _in_pytorch(verified: Verified, given: Path, manifest: Student | Teacher) -> ModelFolder:
    evaluation = _evaluation(verified.path, given, manifest)
    return ModelFolder(
        model=manifest.model(verified.path),
        given=given,
        kind="student" if isinstance(manifest, Student) else "teacher",
        sha256=verified.sha256,
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


def _evaluation(path: Path, given: Path, manifest: Manifest) -> FileEntry:
    """Return the entry of a folder's evaluation sentences."""
    for name in (EVALUATION, TOKENIZER):
        if name not in manifest.files:
            raise InputError(f"{path}: no {name} among its files", "make the folder again")
    if not (path / EVALUATION).exists():
        raise InputError(f"{given}: has no sentences to measure", "pack it again: tinybert pack --with-evaluation")
    return manifest.files[EVALUATION]


def _is_needed(file: str) -> bool:
    return "/" not in file and (file in HUGGING_FACE or file.endswith(HUGGING_FACE_SUFFIXES))

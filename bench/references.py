"""The references to judge a model by: labels and the teacher's and student's outputs, from the student folder.

They stay on the host; a device needs none of them.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.model_folder import ModelFolder
from contract.errors import InputError, MissingExtraError
from contract.folder import identity
from contract.progress import note
from infer.folders.student import STUDENT_MANIFEST, TOKENIZER, Evaluation, Student, read_evaluation, read_student
from infer.shipping.verify import verify
from infer.tasks import evaluate

SEARCHED_PARENTS = 4
NAMED_LIMIT = 10


@dataclass(frozen=True, kw_only=True, slots=True)
class References:
    """A student folder and its evaluation split.

    Attributes:
        path: the student folder.
        sha256: identity of the student folder.
    """

    path: Path
    sha256: str
    student: Student
    evaluation: Evaluation

    def apply_to(self, folder: ModelFolder) -> bool:
        """Return whether a model is this student, its teacher, or an artifact made from it."""
        if folder.kind == "teacher":
            return self.student.parents.get("teacher") == folder.sha256
        return folder.student_sha256 == self.sha256


def read_references(path: Path) -> References:
    """Read the references from a student folder.

    Raises:
        InputError: not a finished student folder, or `tinybert verify` would refuse it.
        MissingExtraError: a library that the task's metrics need is not installed.
    """
    student = read_student(path)
    verified = verify(path)
    evaluate.require(student.task)
    return References(
        path=path,
        sha256=verified.sha256,
        student=student,
        evaluation=read_evaluation(path),
    )


def find_references(folders: Sequence[ModelFolder], student: Path | None) -> list[References | None]:
    """Find the references for each model.

    Args:
        folders: the models to measure.
        student: the student folder to use; if not given, folders near the models are searched.

    Returns:
        The references for each model, or None where no student folder was found.

    Raises:
        InputError: a model was not made from the given student, or has other labels or another tokenizer than its own.
    """
    if student is not None:
        references = read_references(student)
        return [_same(_checked(references, folder), folder) for folder in folders]
    found: list[References] = []
    for folder in folders:
        if not any(references.apply_to(folder) for references in found):
            found += _readable(_student_near(folder))
    near = [next((references for references in found if references.apply_to(folder)), None) for folder in folders]
    return [references and _same(references, folder) for references, folder in zip(near, folders, strict=True)]


def _readable(students: Iterator[Path]) -> list[References]:
    """Read references; a device may lack the libraries to judge with, and then its records hold the raw outputs."""
    try:
        return [read_references(path) for path in students]
    except MissingExtraError as error:
        note(f"not judged here, the record holds the raw outputs: {error}")
        return []


def _checked(references: References, folder: ModelFolder) -> References:
    if not references.apply_to(folder):
        raise InputError(
            f"{folder.given}: not made from the student in {references.path}",
            "name its own student with --student, or leave the option out",
        )
    return references


def _same(references: References, folder: ModelFolder) -> References:
    """Check that a model has the labels of its student, in their order, and an artifact the student's tokenizer."""
    names, expected = folder.task.names, references.student.task.names
    if names != expected:
        cause = f"{folder.path}: its labels are {_listed(names)}, those of {references.path.name} {_listed(expected)}"
        raise InputError(cause, "in another order they are other answers; make the folder again")
    trained_with = references.student.files[TOKENIZER]
    if folder.kind == "artifact" and folder.tokenizer.sha256 != trained_with.sha256:
        cause = f"{folder.path}: its tokenizer is not the one {references.path.name} was trained with"
        raise InputError(cause, "convert the student again")
    return references


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(map(repr, names[:NAMED_LIMIT]))
    return f"{shown}, …" if len(names) > NAMED_LIMIT else shown


def _student_near(folder: ModelFolder) -> Iterator[Path]:
    """Yield the first student folder in or near the model's parent folders that the model belongs to."""
    manifests = [folder.path / STUDENT_MANIFEST]
    for parent in list(folder.given.parents)[:SEARCHED_PARENTS]:
        manifests += sorted(parent.glob(f"student-*/{STUDENT_MANIFEST}"))
    for manifest in manifests:
        if manifest.is_file() and _is_student_of(manifest, folder):
            yield manifest.parent
            return


def _is_student_of(manifest: Path, folder: ModelFolder) -> bool:
    if folder.kind == "teacher":
        return read_student(manifest.parent).parents.get("teacher") == folder.sha256
    return identity(manifest) == folder.student_sha256

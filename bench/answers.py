"""The labels, and the teacher's and student's answers: they stay on the host, in the student folder."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.subject import Subject
from contract.errors import InputError, MissingExtraError
from contract.folder import identity, verify
from contract.progress import note
from infer.folders.student import STUDENT_MANIFEST, Evaluation, Student, read_evaluation, read_student
from infer.tasks import judge

SEARCHED_PARENTS = 4


@dataclass(frozen=True, kw_only=True, slots=True)
class Answers:
    """A student folder's evaluation split.

    Attributes:
        sha256: identity of the student folder.
    """

    folder: Path
    sha256: str
    student: Student
    evaluation: Evaluation

    def fit(self, subject: Subject) -> bool:
        """Tell whether a subject is this student, its teacher, or made from it."""
        if subject.kind == "teacher":
            return self.student.parents.get("teacher") == subject.sha256
        return subject.student_sha256 == self.sha256


def read_answers(folder: Path) -> Answers:
    """Read a student folder's answers.

    Raises:
        InputError: not a finished student folder, or a file is not the one of its manifest.
        MissingExtraError: what judges this task is not installed.
    """
    student = read_student(folder)
    verify(folder, student)
    judge.require(student.task)
    return Answers(
        folder=folder,
        sha256=identity(folder / STUDENT_MANIFEST),
        student=student,
        evaluation=read_evaluation(folder),
    )


def find_answers(subjects: Sequence[Subject], student: Path | None) -> list[Answers | None]:
    """Find the answers to judge each subject by.

    Args:
        subjects: what is to be measured.
        student: the student folder to use; looked for near the subjects if not given.

    Returns:
        For each subject its answers, or None where there are none at hand.

    Raises:
        InputError: a subject was not made from the student that was given.
    """
    if student is not None:
        return [_given(subject, read_answers(student)) for subject in subjects]
    known: list[Answers] = []
    for subject in subjects:
        if not any(answers.fit(subject) for answers in known):
            known += _judgeable(_near(subject))
    return [next((answers for answers in known if answers.fit(subject)), None) for subject in subjects]


def _judgeable(folders: Iterator[Path]) -> list[Answers]:
    """Read the answers of some students; a device need not have what judges them: the record then holds the outputs."""
    try:
        return [read_answers(folder) for folder in folders]
    except MissingExtraError as error:
        note(f"not judged here, the record holds the raw outputs: {error}")
        return []


def _given(subject: Subject, answers: Answers) -> Answers:
    if not answers.fit(subject):
        raise InputError(
            f"{subject.folder}: not made from the student in {answers.folder}",
            "name its own student with --student, or leave the option out",
        )
    return answers


def _near(subject: Subject) -> Iterator[Path]:
    """Give the first folder in or near the subject's parents that holds its student."""
    folders = [subject.folder, *list(subject.folder.parents)[:SEARCHED_PARENTS]]
    places = [folders[0] / STUDENT_MANIFEST]
    for folder in folders[1:]:
        places += sorted(folder.glob(f"student-*/{STUDENT_MANIFEST}"))
    for place in places:
        if place.is_file() and _is_student_of(place, subject):
            yield place.parent
            return


def _is_student_of(manifest: Path, subject: Subject) -> bool:
    if subject.kind == "teacher":
        return read_student(manifest.parent).parents.get("teacher") == subject.sha256
    return identity(manifest) == subject.student_sha256

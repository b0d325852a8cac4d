"""The conversion stage: a student folder and a profile in, an artifact folder for each runtime and precision out."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from contract.errors import InputError, TinybertError, WorkerError
from contract.folder import identity, verify
from contract.lock import locked
from contract.progress import bar
from contract.tokenizer import read_tokenizer
from convert import calibration
from convert.make import Task, make
from convert.plan import plan
from convert.write import origin_of
from infer import tasks
from infer.folders.artifact import ARTIFACT_MANIFEST, TOKENIZER, read_artifact
from infer.folders.student import CALIBRATION, EVALUATION, STUDENT_MANIFEST, Student, read_evaluation, read_student
from targets.profile import Precision, Profile

NEEDED = ("config.json", "model.safetensors", TOKENIZER, EVALUATION, CALIBRATION)


class ConversionError(WorkerError):
    """Some variants could not be made.

    Args:
        failures: why, by the folder the variant should have had.
        finished: the artifact folders that stand nevertheless.
    """

    def __init__(self, failures: dict[Path, TinybertError], finished: list[Path]) -> None:
        reasons = "; ".join(f"{folder.name}: {error}" for folder, error in failures.items())
        kept = ", ".join(folder.name for folder in finished) or "none"
        super().__init__(f"not converted: {reasons}", f"finished and kept: {kept}")
        self.failures = failures
        self.finished = finished


def convert_student(
    student: Path,
    profile: Profile,
    *,
    out: Path,
    runtimes: Sequence[str] | None = None,
    precisions: Sequence[str] | None = None,
) -> list[Path]:
    """Make a student's artifacts for a device, or find them finished.

    Args:
        student: the student folder.
        profile: the device.
        out: the folder to make `TARGET/RUNTIME-PRECISION/` in.
        runtimes: only these; all that the profile offers if not given.
        precisions: only these; all that the profile offers if not given.

    Returns:
        The artifact folders.

    Raises:
        InputError: the student folder was changed, or the profile does not offer what is asked for; nothing is written.
        MissingExtraError: a converter's library is not installed; nothing is written.
        ConversionError: some variants failed; the others are finished.
    """
    manifest = read_student(student)
    reads = tasks.get(manifest.task.kind).READS
    plans = plan(profile, manifest.max_length_tokens, runtimes, precisions, reads=reads)
    check_whole(student, manifest)
    evaluation = read_evaluation(student)
    if len(evaluation.tokens) == 0:
        raise InputError(f"{student / EVALUATION}: holds no sentences", "distil again with a validation split")
    if any(variant.precision is not Precision.FP32 for one in plans for variant in one.variants):
        calibration.read(student, evaluation.tokens)
    origin = origin_of(student, manifest, evaluation.tokens, profile)
    place = out / profile.name
    return _make_all([Task(origin=origin, evaluation=evaluation, plan=one, out=place) for one in plans], place)


def check_whole(student: Path, manifest: Student) -> None:
    """Check that a student folder has all that conversion needs, unchanged.

    Raises:
        InputError: a file is missing or was changed.
    """
    absent = [name for name in NEEDED if name not in manifest.files]
    if absent:
        raise InputError(f"{student}: its manifest lists no {absent[0]}", "make the student again")
    verify(student, manifest)
    read_tokenizer(student / TOKENIZER)  # a manifest may have been written for a broken one


def _make_all(tasks: list[Task], out: Path) -> list[Path]:
    """Make what is not finished; a variant that fails does not stop the others."""
    missing = [(task, variants) for task in tasks if (variants := task.missing())]
    for task, variants in missing:
        for variant in variants:
            _check_replaceable(task.folder(variant))
    failures: dict[Path, TinybertError] = {}
    if missing:
        with _place(out), bar("Converting", sum(len(variants) for _, variants in missing)) as advance:
            for task, variants in missing:
                failures |= make(task, variants, advance)
    folders = [task.folder(variant) for task in tasks for variant in task.plan.variants]
    if failures:
        raise ConversionError(failures, [folder for folder in folders if folder not in failures])
    return folders


def _check_replaceable(folder: Path) -> None:
    if folder.exists() and not (folder / ARTIFACT_MANIFEST).is_file():
        raise InputError(f"{folder}: not an artifact", "choose another --out")


def check_of_student(out: Path, student: Path) -> None:
    """Check that a folder of artifacts is of one student.

    Raises:
        InputError: an artifact of another student stands in it.
    """
    own = identity(student / STUDENT_MANIFEST)
    for manifest in sorted(out.glob(f"*/{ARTIFACT_MANIFEST}")):
        found = None
        with suppress(InputError):  # a broken one is made again
            found = read_artifact(manifest.parent)
        if found is not None and found.parents.get("student") != own:
            raise InputError(
                f"{manifest.parent}: was made from a different student", "choose another --out, or delete it"
            )


@contextmanager
def _place(out: Path) -> Iterator[None]:
    """Hold the output folder; it goes away again if nothing came of it."""
    try:
        with locked(out):
            yield
    finally:
        with suppress(OSError):
            out.rmdir()

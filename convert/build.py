"""The conversion stage: turns a student folder into an artifact folder for each runtime and precision of a profile."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from contract.errors import InputError, TinybertError, WorkerError
from contract.folder import identity
from contract.lock import locked
from contract.progress import bar
from convert import calibration
from convert.artifact import origin_of
from convert.conversion import Conversion, convert_variants
from convert.variants import select_variants
from distill.model import layout
from infer import tasks
from infer.folders.artifact import ARTIFACT_MANIFEST, TOKENIZER, read_artifact
from infer.folders.student import CALIBRATION, EVALUATION, STUDENT_MANIFEST, Student, read_evaluation, read_student
from infer.shipping.verify import verify
from targets.profile import Precision, Profile

NEEDED = ("config.json", "model.safetensors", TOKENIZER, EVALUATION, CALIBRATION)


class ConversionError(WorkerError):
    """Some variants could not be converted.

    Args:
        failures: the errors, by the artifact folder of the variant.
        finished: the artifact folders of the other variants.
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
    """Convert a student for a device; artifacts that are already finished are kept.

    Args:
        student: the student folder.
        profile: the device.
        out: the folder to create `TARGET/RUNTIME-PRECISION/` in.
        runtimes: runtimes to convert for; by default all that the profile names.
        precisions: precisions to convert to; by default all that the profile names.

    Returns:
        The artifact folders.

    Raises:
        InputError: the student folder was changed, or the profile does not offer a requested runtime or precision;
            nothing is written.
        MissingExtraError: a converter's library is not installed; nothing is written.
        ConversionError: some variants failed; the others are finished.
    """
    manifest = read_student(student)
    reads = tasks.get(manifest.task.kind).READS
    groups = select_variants(profile, manifest.max_length_tokens, runtimes, precisions, reads=reads)
    check_complete(student, manifest)
    evaluation = read_evaluation(student)
    if len(evaluation.tokens) == 0:
        raise InputError(f"{student / EVALUATION}: contains no sentences", "distil again with a validation split")
    if any(variant.precision is not Precision.FP32 for group in groups for variant in group.variants):
        calibration.read(student, evaluation.tokens)
    origin = origin_of(student, manifest, evaluation.tokens, profile)
    folder = out / profile.name
    conversions = [Conversion(origin=origin, evaluation=evaluation, group=group, out=folder) for group in groups]
    return _convert_all(conversions, folder)


def check_complete(student: Path, manifest: Student) -> None:
    """Check that a student folder has all files that conversion needs, unchanged, and a model type it supports.

    Raises:
        InputError: a file is missing or was changed, or the student's model type or a setting is not supported.
    """
    missing = [name for name in NEEDED if name not in manifest.files]
    if missing:
        raise InputError(f"{student}: its manifest lists no {missing[0]}", "distil the student again")
    verify(student)
    layout.check(student, str(student))


def _convert_all(conversions: list[Conversion], out: Path) -> list[Path]:
    """Convert all variants that are not finished; a variant that fails does not stop the others."""
    unfinished = [(conversion, variants) for conversion in conversions if (variants := conversion.unfinished())]
    for conversion, variants in unfinished:
        for variant in variants:
            _check_replaceable(conversion.folder(variant))
    failures: dict[Path, TinybertError] = {}
    if unfinished:
        with _output_folder(out), bar("Converting", sum(len(variants) for _, variants in unfinished)) as advance:
            for conversion, variants in unfinished:
                failures |= convert_variants(conversion, variants, advance)
    folders = [conversion.folder(variant) for conversion in conversions for variant in conversion.group.variants]
    if failures:
        raise ConversionError(failures, [folder for folder in folders if folder not in failures])
    return folders


def _check_replaceable(folder: Path) -> None:
    if folder.exists() and not (folder / ARTIFACT_MANIFEST).is_file():
        raise InputError(f"{folder}: not an artifact", "choose another --out")


def check_same_student(out: Path, student: Path) -> None:
    """Check that all artifacts in a folder were made from a student.

    Raises:
        InputError: an artifact was made from a different student.
    """
    student_identity = identity(student / STUDENT_MANIFEST)
    for manifest in sorted(out.glob(f"*/{ARTIFACT_MANIFEST}")):
        artifact = None
        with suppress(InputError):  # a broken artifact is converted again
            artifact = read_artifact(manifest.parent)
        if artifact is not None and artifact.parents.get("student") != student_identity:
            raise InputError(
                f"{manifest.parent}: was made from a different student", "choose another --out, or delete it"
            )


@contextmanager
def _output_folder(out: Path) -> Iterator[None]:
    """Lock the output folder, and remove it if it stays empty."""
    try:
        with locked(out):
            yield
    finally:
        with suppress(OSError):
            out.rmdir()

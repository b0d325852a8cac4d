"""One conversion in a separate process: `python -m convert.job` reads a job from stdin and writes its answer to stdout.

Both are JSON. The process isolates converters, which may crash, hang, exhaust memory or print warnings.
"""

import gc
from pathlib import Path
from typing import Any

from contract.answer import answer
from contract.errors import InputError
from contract.strict import Strict
from convert.converter import Exported, get
from convert.operations import operations_of
from infer.folders.variant import Variant
from infer.safety import model_file
from targets.profile import Profile


class Source(Strict):
    """A finished fp32 model to quantise."""

    folder: Path
    exported: Exported


class Job(Strict):
    """A conversion to perform.

    Attributes:
        student: the student folder.
        destination: an existing folder to write the model to.
        lengths_tokens: padded lengths that the model must take; empty for any length.
        fp32: the fp32 model to quantise; null to export the student.
    """

    variant: Variant
    student: Path
    destination: Path
    profile: Profile
    lengths_tokens: tuple[int, ...]
    fp32: Source | None


class Answer(Strict):
    """The converted model."""

    exported: Exported


def perform(job: Job) -> Exported:
    """Perform a conversion in this process.

    Raises:
        InputError: the calibration sentences or the fp32 model cannot be used, or the model refers to other files.
        MissingExtraError: a library of the converter is missing.
    """
    exported = _convert(job)
    model_file.check(job.variant.runtime.value, job.destination / exported.graph.file)
    return exported


def _convert(job: Job) -> Exported:
    converter = get(job.variant.runtime)
    if job.fp32 is None:
        return converter.export(
            job.student, job.destination, rewrites=job.variant.rewrites, lengths_tokens=job.lengths_tokens
        )
    _check_operations(job)
    # The folder may come from someone else.
    model_file.check(job.variant.runtime.value, job.fp32.folder / job.fp32.exported.graph.file)
    from convert.calibration import read
    from infer.folders.student import read_evaluation

    return converter.quantize(
        job.fp32.folder,
        job.fp32.exported,
        job.destination,
        variant=job.variant,
        profile=job.profile,
        calibration=read(job.student, read_evaluation(job.student).tokens),
    )


def _check_operations(job: Job) -> None:
    operations = operations_of(job.student)
    for name in job.variant.kept_in_float:
        if name not in operations:
            raise InputError(
                f"{job.student}: has no operation {name!r} to keep in float", f"it has: {', '.join(operations)}"
            )


def main() -> int:
    """Perform the job on stdin and return the exit code."""
    # Tracing a model creates millions of small objects that live as long as this process; collecting garbage among
    # them takes a sixth of an export's time.
    gc.disable()
    from distill.silence import silence_libraries

    silence_libraries()
    return answer(_answer)


def _answer(text: str) -> dict[str, Any]:
    return Answer(exported=perform(Job.model_validate_json(text))).model_dump(mode="json")


if __name__ == "__main__":
    raise SystemExit(main())

"""One conversion, in a process of its own: `python -m convert.job`, a job on stdin, its answer on stdout, both JSON.

A converter may crash, hang, fill the memory, warn of its libraries' future or print what it likes: only this process
sees it.
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
    """A finished fp32 model, to be quantised."""

    folder: Path
    exported: Exported


class Job(Strict):
    """What to convert.

    Attributes:
        student: the student folder.
        destination: an existing folder to write the model to.
        lengths_tokens: padded lengths the model must take; empty for any.
        fp32: the model to make another precision of; null to export the student.
    """

    variant: Variant
    student: Path
    destination: Path
    profile: Profile
    lengths_tokens: tuple[int, ...]
    fp32: Source | None


class Answer(Strict):
    """The model that came of it."""

    exported: Exported


def perform(job: Job) -> Exported:
    """Do a job in this process.

    Raises:
        InputError: the calibration sentences, or the fp32 model, cannot be used, or the model refers to other files.
        MissingExtraError: a library of the converter is missing.
    """
    exported = _make(job)
    model_file.check(job.variant.runtime.value, job.destination / exported.graph.file)
    return exported


def _make(job: Job) -> Exported:
    converter = get(job.variant.runtime)
    if job.fp32 is None:
        return converter.export(
            job.student, job.destination, rewrites=job.variant.rewrites, lengths_tokens=job.lengths_tokens
        )
    _check_operations(job)
    # It may be of a folder that somebody else has made.
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
    known = operations_of(job.student)
    for name in job.variant.kept_in_float:
        if name not in known:
            raise InputError(
                f"{job.student}: has no operation {name!r} to keep in float", f"it has: {', '.join(known)}"
            )


def main() -> int:
    """Answer the job on stdin; the exit code is that of the error, if any."""
    # Tracing a model makes millions of small objects that live as long as this process: looking through them again and
    # again is a sixth of an export's time.
    gc.disable()
    from distill.silence import silence_libraries

    silence_libraries()
    return answer(_answer)


def _answer(text: str) -> dict[str, Any]:
    return Answer(exported=perform(Job.model_validate_json(text))).model_dump(mode="json")


if __name__ == "__main__":
    raise SystemExit(main())

"""One conversion, in a process of its own: `python -m convert.job`, a job on stdin, its answer on stdout, both JSON.

A converter may crash, hang, fill the memory, warn of its libraries' future or print what it likes: only this process
sees it.
"""

import gc
import os
import sys
import threading
import time
import traceback
from pathlib import Path

from contract.errors import InputError, TinybertError
from contract.strict import Strict
from convert.converter import Made, get
from convert.operations import operations_of
from infer.folders.variant import Variant
from infer.safety import model_file
from targets.profile import Profile

CURE = "ask for what can be made with --runtime and --precision"


class Source(Strict):
    """A finished fp32 model, to be quantised."""

    folder: Path
    made: Made


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
    """What came of it: a model, or why there is none.

    Attributes:
        unexpected: the cause is what a library raised; it may be another than it says.
    """

    made: Made | None = None
    cause: str = ""
    cure: str = ""
    unexpected: bool = False


def perform(job: Job) -> Made:
    """Do a job in this process.

    Raises:
        InputError: the calibration sentences, or the fp32 model, cannot be used, or the model refers to other files.
        MissingExtraError: a library of the converter is missing.
    """
    made = _make(job)
    model_file.check(job.variant.runtime.value, job.destination / made.model_file)
    return made


def _make(job: Job) -> Made:
    converter = get(job.variant.runtime)
    if job.fp32 is None:
        return converter.export(
            job.student, job.destination, rewrites=job.variant.rewrites, lengths_tokens=job.lengths_tokens
        )
    _check_operations(job)
    # It may be of a folder that somebody else has made.
    model_file.check(job.variant.runtime.value, job.fp32.folder / job.fp32.made.model_file)
    from convert.calibration import read
    from infer.folders.student import read_evaluation

    return converter.quantize(
        job.fp32.folder,
        job.fp32.made,
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


def main() -> None:
    """Do the job on stdin; whatever a library prints on the way goes to stderr, and so does a traceback."""
    # Tracing a model makes millions of small objects that live as long as this process: looking through them again and
    # again is a sixth of an export's time.
    gc.disable()
    from distill.quiet import quiet

    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
    with os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8") as answer:
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
        quiet()
        try:
            made = perform(Job.model_validate_json(sys.stdin.read()))
        except TinybertError as error:
            reply = Answer(cause=error.cause, cure=error.cure)
        except Exception as error:  # libraries raise what they like; the caller makes it an error of this variant
            traceback.print_exc()
            reply = Answer(cause=f"the converter failed ({_in_a_line(error)})", cure=CURE, unexpected=True)
        else:
            reply = Answer(made=made)
        answer.write(reply.model_dump_json())


def _end_with(parent: int) -> None:
    """End this process when the one that asked for the job is gone, be it killed."""
    while os.getppid() == parent:
        time.sleep(1.0)
    os._exit(1)


def _in_a_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__


if __name__ == "__main__":
    main()

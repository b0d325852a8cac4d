"""Makes the variants of one runtime: fp32 first, finished and checked, then int8 from it."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from os import getpid
from pathlib import Path

from contract.errors import TinybertError, WorkerError
from contract.folder import is_finished
from contract.progress import Advance
from convert import child, parity
from convert.artifact import ARTIFACT_MANIFEST, Artifact, Parity, read_artifact
from convert.converter import Made
from convert.job import Job, Source
from convert.parity import Reference, Run
from convert.plan import Plan
from convert.write import Origin, key, write
from targets.profile import Precision


@dataclass(frozen=True, kw_only=True, slots=True)
class Task:
    """One runtime's variants.

    Attributes:
        origin: the student and the device.
        reference: what the student answers.
        run: runs a model in its runtime.
        out: the folder of the artifact folders.
    """

    origin: Origin
    reference: Reference
    run: Run
    plan: Plan
    out: Path

    def folder(self, precision: Precision) -> Path:
        """Return the artifact folder of a precision."""
        return self.out / f"{self.plan.runtime}-{precision}"

    def is_finished(self, precision: Precision) -> bool:
        """Tell whether the artifact stands whole and was made from the same things."""
        manifest = self.folder(precision) / ARTIFACT_MANIFEST
        return is_finished(manifest, Artifact, key(self.origin, self.plan, precision))

    def missing(self) -> tuple[Precision, ...]:
        """Return the precisions that are still to be made."""
        return tuple(one for one in self.plan.precisions if not self.is_finished(one))


def make(task: Task, precisions: tuple[Precision, ...], advance: Advance) -> dict[Path, TinybertError]:
    """Make some of a task's variants.

    Args:
        task: the runtime.
        precisions: those to make.
        advance: told of each variant that is done, well or not.

    Returns:
        Why a variant could not be made, by the folder it should have had.
    """
    failures: dict[Path, TinybertError] = {}
    with _workplace(task) as place:
        source: Source | None = None
        try:
            source = _full_precision(task, place, keep=Precision.FP32 in precisions)
        except TinybertError as error:
            failures[task.folder(Precision.FP32)] = error
        advance(Precision.FP32 in precisions)
        if Precision.INT8 in precisions:
            try:
                _quantized(task, place, source)
            except TinybertError as error:
                failures[task.folder(Precision.INT8)] = error
            advance(1)
    return failures


def _full_precision(task: Task, place: Path, *, keep: bool) -> Source:
    """Export the student, or find it exported; write the artifact if it is wanted."""
    if task.is_finished(Precision.FP32):
        folder = task.folder(Precision.FP32)
        found = read_artifact(folder)
        return Source(
            folder=folder,
            made=Made(
                model_file=found.model_file, inputs=found.inputs, length_buckets_tokens=found.length_buckets_tokens
            ),
        )
    models = place / Precision.FP32
    made = _convert(task, place, models, None)
    measured = _check(task, models, made, Precision.FP32)
    if keep:
        write(task.folder(Precision.FP32), models, made, task.origin, task.plan, Precision.FP32, measured)
    return Source(folder=models, made=made)


def _quantized(task: Task, place: Path, source: Source | None) -> None:
    if source is None:
        raise WorkerError("it is made from the fp32 model, which failed")
    models = place / Precision.INT8
    made = _convert(task, place, models, source)
    measured = _check(task, models, made, Precision.INT8)
    write(task.folder(Precision.INT8), models, made, task.origin, task.plan, Precision.INT8, measured)


def _convert(task: Task, place: Path, models: Path, source: Source | None) -> Made:
    models.mkdir()
    job = Job(
        runtime=task.plan.runtime,
        student=task.origin.folder.absolute(),
        destination=models.absolute(),
        profile=task.origin.profile,
        lengths_tokens=task.plan.lengths_tokens,
        fp32=source and Source(folder=source.folder.absolute(), made=source.made),
    )
    return child.convert(job, place)


def _check(task: Task, models: Path, made: Made, precision: Precision) -> Parity:
    measured = parity.measure(
        task.run,
        models,
        made,
        task.reference,
        runtime=task.plan.runtime,
        threads=task.origin.profile.threads,
        padded_length_tokens=task.origin.student.max_length_tokens,
    )
    parity.check(measured, precision, task.reference.fp32_limit)
    return measured


@contextmanager
def _workplace(task: Task) -> Iterator[Path]:
    """Give a folder for half-made models, gone afterwards."""
    place = task.out / f".{task.plan.runtime}.partial-{getpid()}"
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    try:
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)

"""Makes variants of one runtime: fp32 first, finished and checked, then the other precisions from it."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from os import getpid
from pathlib import Path

from contract.disk import more_space
from contract.errors import TinybertError, UnfinishedError, WorkerError
from contract.folder import clear_leftovers, is_finished
from contract.progress import Advance
from convert import child, parity
from convert.converter import Exported
from convert.job import Job, Source
from convert.plan import Plan
from convert.quality import judge
from convert.write import Origin, key, write
from infer.folders.artifact import ARTIFACT_MANIFEST, Artifact, Parity, Quality, read_artifact
from infer.folders.model import MODEL, Model
from infer.folders.student import Evaluation
from infer.folders.variant import Variant


@dataclass(frozen=True, kw_only=True, slots=True)
class Task:
    """Variants of one fp32 model.

    Attributes:
        origin: the student and the device.
        evaluation: the sentences, their labels, and what the student and the teacher answer.
        out: the folder of the artifact folders.
    """

    origin: Origin
    evaluation: Evaluation
    plan: Plan
    out: Path

    def folder(self, variant: Variant) -> Path:
        """Return the artifact folder of a variant."""
        return self.out / variant.name

    def is_finished(self, variant: Variant) -> bool:
        """Tell whether the artifact stands whole and was made from the same things."""
        manifest = self.folder(variant) / ARTIFACT_MANIFEST
        return is_finished(manifest, Artifact, key(self.origin, self.plan, variant))

    def missing(self) -> tuple[Variant, ...]:
        """Return the variants that are still to be made."""
        return tuple(one for one in self.plan.variants if not self.is_finished(one))


def make(task: Task, variants: tuple[Variant, ...], advance: Advance) -> dict[Path, TinybertError]:
    """Make some of a task's variants.

    Args:
        task: the runtime.
        variants: those to make.
        advance: told of each variant that is done, well or not.

    Returns:
        Why a variant could not be made, by the folder it should have had.
    """
    failures: dict[Path, TinybertError] = {}
    base = task.plan.base
    with _workplace(task) as place:
        source: Source | TinybertError
        try:
            source = _full_precision(task, place, keep=base in variants)
        except (TinybertError, OSError) as error:
            source = failures[task.folder(base)] = _failure(error, task.out)
        advance(base in variants)
        for variant in variants:
            if variant != base:
                try:
                    _quantized(task, variant, place, source)
                except (TinybertError, OSError) as error:
                    failures[task.folder(variant)] = _failure(error, task.out)
                advance(1)
    return failures


def _failure(error: TinybertError | OSError, out: Path) -> TinybertError:
    """Return the failure of a variant; what the disk did not take may come through another time."""
    if isinstance(error, TinybertError):
        return error
    # shutil has a list of what it could not copy, each with its reason.
    reason = error.args[0][0][2] if isinstance(error, shutil.Error) else error
    return UnfinishedError(f"cannot be written ({reason})", more_space(out) or "see to the disk and run again")


def _full_precision(task: Task, place: Path, *, keep: bool) -> Source:
    """Export the student, or find it exported; write the artifact if it is wanted."""
    base = task.plan.base
    if task.is_finished(base):
        folder = task.folder(base)
        found = read_artifact(folder)
        return Source(
            folder=folder,
            exported=Exported(graph=found.graph, rewrites=found.variant.rewrites),
        )
    models = place / base.precision
    exported = _convert(task, base, models, None)
    checked = _check(task, base, models, exported)
    if keep:
        write(task.folder(base), models, exported, task.origin, task.plan, base, *checked)
    return Source(folder=models, exported=exported)


def _quantized(task: Task, variant: Variant, place: Path, source: Source | TinybertError) -> None:
    if isinstance(source, TinybertError):
        kind = UnfinishedError if isinstance(source, UnfinishedError) else WorkerError
        raise kind("it is made from the fp32 model, which failed")
    models = place / variant.name
    exported = _convert(task, variant, models, source)
    checked = _check(task, variant, models, exported)
    write(task.folder(variant), models, exported, task.origin, task.plan, variant, *checked)
    shutil.rmtree(models)


def _convert(task: Task, variant: Variant, models: Path, source: Source | None) -> Exported:
    models.mkdir()
    job = Job(
        variant=variant,
        student=task.origin.folder.absolute(),
        destination=models.absolute(),
        profile=task.origin.profile,
        lengths_tokens=task.plan.lengths_tokens,
        fp32=source and Source(folder=source.folder.absolute(), exported=source.exported),
    )
    return child.convert(job)


def _check(task: Task, variant: Variant, models: Path, exported: Exported) -> tuple[Parity, Quality]:
    student = task.origin.student
    model = Model(
        folder=models,
        runtime=task.plan.runtime.value,
        graphs={MODEL: exported.graph},
        threads=task.origin.profile.threads,
        pad_id=task.origin.pad_id,
    )
    measured, outputs = parity.measure(
        model,
        task.evaluation,
        task=student.task,
        padded_length_tokens=student.max_length_tokens,
    )
    parity.check(measured, variant.precision, parity.fp32_limit(task.evaluation.student, student.task))
    return measured, judge(task.evaluation, student.task, student.main_metric, outputs)


@contextmanager
def _workplace(task: Task) -> Iterator[Path]:
    """Give a folder for half-made models, gone afterwards."""
    name = f"models-of-{task.plan.base.name}"
    clear_leftovers(task.out / name)
    place = task.out / f".{name}.partial-{getpid()}"
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    try:
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)

"""Converts variants of one runtime: fp32 first, finished and checked, then the other precisions from it."""

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
from convert import parity, process
from convert.artifact import Origin, artifact_key, write_artifact
from convert.converter import Exported
from convert.job import Job, Source
from convert.quality import measure_quality
from convert.variants import VariantGroup
from infer.folders.artifact import ARTIFACT_MANIFEST, Artifact, Parity, Quality, read_artifact
from infer.folders.model import MODEL, Model
from infer.folders.student import Evaluation
from infer.folders.variant import Variant


@dataclass(frozen=True, kw_only=True, slots=True)
class Conversion:
    """The conversion of a student to variants of one fp32 model.

    Attributes:
        origin: the student and the device.
        evaluation: the evaluation sentences with their labels and the outputs of the student and the teacher.
        group: the variants.
        out: the parent of the artifact folders.
    """

    origin: Origin
    evaluation: Evaluation
    group: VariantGroup
    out: Path

    def folder(self, variant: Variant) -> Path:
        """Return the artifact folder of a variant."""
        return self.out / variant.name

    def is_finished(self, variant: Variant) -> bool:
        """Return whether the artifact is complete and was made from the same inputs."""
        manifest = self.folder(variant) / ARTIFACT_MANIFEST
        return is_finished(manifest, Artifact, artifact_key(self.origin, self.group, variant))

    def unfinished(self) -> tuple[Variant, ...]:
        """Return the variants that are not converted yet."""
        return tuple(variant for variant in self.group.variants if not self.is_finished(variant))


def convert_variants(
    conversion: Conversion, variants: tuple[Variant, ...], advance: Advance
) -> dict[Path, TinybertError]:
    """Convert some variants of a conversion's group.

    Args:
        conversion: the student, the device and the group.
        variants: the variants to convert.
        advance: called after each variant, converted or failed.

    Returns:
        The failures, by the artifact folder of the variant.
    """
    failures: dict[Path, TinybertError] = {}
    base = conversion.group.base
    with _scratch_folder(conversion) as scratch:
        source: Source | TinybertError
        try:
            source = _full_precision(conversion, scratch, keep=base in variants)
        except (TinybertError, OSError) as error:
            source = failures[conversion.folder(base)] = _failure(error, conversion.out)
        advance(base in variants)
        for variant in variants:
            if variant != base:
                try:
                    _quantized(conversion, variant, scratch, source)
                except (TinybertError, OSError) as error:
                    failures[conversion.folder(variant)] = _failure(error, conversion.out)
                advance(1)
    return failures


def _failure(error: TinybertError | OSError, out: Path) -> TinybertError:
    """Return the error of a variant; an error of the disk is unfinished work, which may succeed another time."""
    if isinstance(error, TinybertError):
        return error
    # shutil lists the files that it could not copy, each with the reason.
    reason = error.args[0][0][2] if isinstance(error, shutil.Error) else error
    return UnfinishedError(f"cannot be written ({reason})", more_space(out) or "check the disk and run again")


def _full_precision(conversion: Conversion, scratch: Path, *, keep: bool) -> Source:
    """Return the fp32 model, exporting it unless its artifact is finished; write the artifact if `keep` is set."""
    base = conversion.group.base
    if conversion.is_finished(base):
        folder = conversion.folder(base)
        artifact = read_artifact(folder)
        return Source(
            folder=folder,
            exported=Exported(graph=artifact.graph, rewrites=artifact.variant.rewrites),
        )
    models = scratch / base.precision
    exported = _convert(conversion, base, models, None)
    checked = _check(conversion, base, models, exported)
    if keep:
        write_artifact(conversion.folder(base), models, exported, conversion.origin, conversion.group, base, *checked)
    return Source(folder=models, exported=exported)


def _quantized(conversion: Conversion, variant: Variant, scratch: Path, source: Source | TinybertError) -> None:
    if isinstance(source, TinybertError):
        kind = UnfinishedError if isinstance(source, UnfinishedError) else WorkerError
        raise kind("it is made from the fp32 model, which failed")
    models = scratch / variant.name
    exported = _convert(conversion, variant, models, source)
    checked = _check(conversion, variant, models, exported)
    write_artifact(conversion.folder(variant), models, exported, conversion.origin, conversion.group, variant, *checked)
    shutil.rmtree(models)


def _convert(conversion: Conversion, variant: Variant, models: Path, source: Source | None) -> Exported:
    models.mkdir()
    job = Job(
        variant=variant,
        student=conversion.origin.folder.absolute(),
        destination=models.absolute(),
        profile=conversion.origin.profile,
        lengths_tokens=conversion.group.lengths_tokens,
        fp32=source and Source(folder=source.folder.absolute(), exported=source.exported),
    )
    return process.convert(job)


def _check(conversion: Conversion, variant: Variant, models: Path, exported: Exported) -> tuple[Parity, Quality]:
    student = conversion.origin.student
    model = Model(
        folder=models,
        runtime=conversion.group.runtime.value,
        graphs={MODEL: exported.graph},
        threads=conversion.origin.profile.threads,
        pad_id=conversion.origin.pad_id,
    )
    measured, outputs = parity.measure(
        model,
        conversion.evaluation,
        task=student.task,
        padded_length_tokens=student.max_length_tokens,
    )
    parity.check(measured, variant.precision, parity.fp32_limit(conversion.evaluation.student, student.task))
    return measured, measure_quality(conversion.evaluation, student.task, student.main_metric, outputs)


@contextmanager
def _scratch_folder(conversion: Conversion) -> Iterator[Path]:
    """Create a folder for unfinished models and remove it afterwards."""
    name = f"models-of-{conversion.group.base.name}"
    clear_leftovers(conversion.out / name)
    scratch = conversion.out / f".{name}.partial-{getpid()}"
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    try:
        yield scratch
    finally:
        shutil.rmtree(scratch, ignore_errors=True)

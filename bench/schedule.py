"""What a session will measure: models, threads and sentences, all decided before the first process starts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.machine import fingerprint
from bench.measurement import Measurement
from bench.model_folder import ModelFolder, read_model_folder
from bench.record import Machine
from bench.references import References, find_references
from bench.sampling import sample_rows
from bench.settings import Settings
from contract.errors import InputError
from contract.names import check_slug
from infer import runtimes
from targets import doctor
from targets.machine import read as read_facts
from targets.profile import names, read

AUTO = "auto"


@dataclass(frozen=True, kw_only=True, slots=True)
class Schedule:
    """Everything a session needs.

    Attributes:
        target: name of the profile the records are filed under.
        mismatches: why times from this machine do not apply to the target; empty on such a device.
        measurements: the models, in the order given.
        rows_by_block: the sentences each block times, the same for every model.
    """

    target: str
    machine: Machine
    mismatches: tuple[str, ...]
    settings: Settings
    measurements: tuple[Measurement, ...]
    rows_by_block: tuple[tuple[int, ...], ...]


def make_schedule(
    paths: Sequence[Path] | Mapping[Path, Path], *, target: str | None, student: Path | None, settings: Settings
) -> Schedule:
    """Read and check everything a session needs.

    Args:
        paths: artifact, teacher or student folders; each with the archive that it was unpacked from, or with itself.
        target: name of a profile; the artifacts' target, or else this machine's, if not given.
        student: the student folder with the labels; looked for near the models if not given.
        settings: how to measure.

    Raises:
        InputError: a folder cannot be measured, or they cannot be measured together.
    """
    given = paths if isinstance(paths, Mapping) else {path: path for path in paths}
    read_folders = [read_model_folder(path, archive) for path, archive in given.items()]
    folders = list({folder.sha256: folder for folder in read_folders}.values())
    if not folders:
        raise InputError("nothing to measure", "name an artifact folder")
    for folder in folders:
        runtimes.require(folder.runtime)
    lengths_N = folders[0].tokens().lengths
    for folder in folders[1:]:
        _check_sentences(folder, len(lengths_N))
    machine = fingerprint()
    target = _plain(target) if target else _target_of(folders)
    threads = _threads(folders, target) or machine.cores
    measurements = [
        _measurement(folder, references, threads, machine)
        for folder, references in zip(folders, find_references(folders, student), strict=True)
    ]
    rows_by_block = [
        sample_rows(lengths_N, block=block, sentences=settings.sentences_per_block, seed=settings.seed)
        for block in range(settings.blocks)
    ]
    return Schedule(
        target=target,
        machine=machine,
        mismatches=_mismatches(target, machine),
        settings=settings,
        measurements=tuple(measurements),
        rows_by_block=tuple(rows_by_block),
    )


def _measurement(folder: ModelFolder, references: References | None, threads: int, machine: Machine) -> Measurement:
    """Return what is to be measured of a model; more threads than cores would wait for each other."""
    asked = folder.threads or threads
    measurement = Measurement(folder=folder, references=references, threads=min(machine.cores, asked))
    if asked > machine.cores:
        cores = "one core" if machine.cores == 1 else f"{machine.cores} cores"
        measurement.doubts.append(
            f"measured with {measurement.threads} of {asked} threads: this process may use {cores}"
        )
    return measurement


def _mismatches(target: str, machine: Machine) -> tuple[str, ...]:
    causes = ["timings from an emulated machine mean nothing"] if machine.emulated else []
    if target in names():
        differences = [finding.cause for finding in doctor.check_processor(read(target), read_facts())]
        causes += [f"timings from this machine do not apply to {target}: {cause}" for cause in differences]
    return tuple(causes)


def _check_sentences(folder: ModelFolder, expected: int) -> None:
    sentences = len(folder.tokens())
    if sentences != expected:
        raise InputError(
            f"{folder.given}: {sentences} evaluation sentences, the first folder has {expected}",
            "measure folders of one task together, others with a separate command",
        )


def _plain(target: str) -> str:
    try:
        return check_slug(target)
    except ValueError as error:
        raise InputError(f"--target {error}") from error


def _target_of(folders: Sequence[ModelFolder]) -> str:
    targets = sorted({folder.target for folder in folders if folder.target})
    if len(targets) > 1:
        raise InputError(f"artifacts for different targets ({', '.join(targets)})", "choose with --target")
    if targets:
        return targets[0]
    return doctor.resolve(AUTO)[0].name


def _threads(folders: Sequence[ModelFolder], target: str) -> int | None:
    """Return the artifacts' number of threads, or else the profile's, so that a teacher is given the same number."""
    of_artifacts = [folder.threads for folder in folders if folder.threads]
    if of_artifacts:
        return max(of_artifacts)
    return read(target).threads if target in names() else None

"""What a session will do: its models, threads and sentences, all decided before the first process starts."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench import rows
from bench.answers import find_answers
from bench.machine import fingerprint
from bench.record import Machine
from bench.settings import Settings
from bench.subject import Subject, read_subject
from bench.trial import Trial
from contract.errors import InputError
from infer import runtimes
from targets import doctor
from targets.machine import read as facts
from targets.profile import names, read

AUTO = "auto"


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """A session to be.

    Attributes:
        target: name of the profile the records are filed under.
        foreign: why times of this machine say nothing of the target; empty on such a device.
        trials: the models, in the order given.
        rows_by_block: the sentences each block times, the same for every model.
    """

    target: str
    machine: Machine
    foreign: tuple[str, ...]
    settings: Settings
    trials: tuple[Trial, ...]
    rows_by_block: tuple[tuple[int, ...], ...]


def make(folders: Sequence[Path], *, target: str | None, student: Path | None, settings: Settings) -> Plan:
    """Read and check everything a session needs.

    Args:
        folders: artifact, teacher or student folders.
        target: name of a profile; that of the artifacts, or else this machine's, if not given.
        student: the student folder with the labels; looked for near the folders if not given.
        settings: how to measure.

    Raises:
        InputError: a folder cannot be measured, or they cannot be measured together.
    """
    subjects = list({subject.sha256: subject for subject in map(read_subject, folders)}.values())
    if not subjects:
        raise InputError("nothing to measure", "name an artifact folder")
    for subject in subjects:
        runtimes.require(subject.runtime)
    lengths_N = subjects[0].tokens().lengths
    for subject in subjects[1:]:
        _check_sentences(subject, len(lengths_N))
    machine = fingerprint()
    answers = find_answers(subjects, student)
    named = target or _target_of(subjects)
    threads = min(machine.cores, _threads(subjects, named) or machine.cores)
    trials = [
        Trial(subject=subject, answers=known, threads=min(machine.cores, subject.threads or threads))
        for subject, known in zip(subjects, answers, strict=True)
    ]
    drawn = [
        rows.draw(lengths_N, block=block, sentences=settings.sentences_per_block, seed=settings.seed)
        for block in range(settings.blocks)
    ]
    return Plan(
        target=named,
        machine=machine,
        foreign=_foreign(named, machine),
        settings=settings,
        trials=tuple(trials),
        rows_by_block=tuple(drawn),
    )


def _foreign(target: str, machine: Machine) -> tuple[str, ...]:
    causes = ["the machine is emulated, so its times say nothing"] if machine.emulated else []
    if target in names():
        differences = [finding.cause for finding in doctor.processor(read(target), facts())]
        causes += [f"measured elsewhere than on {target}, so its times say nothing: {cause}" for cause in differences]
    return tuple(causes)


def _check_sentences(subject: Subject, sentences: int) -> None:
    found = len(subject.tokens())
    if found != sentences:
        raise InputError(
            f"{subject.folder}: {found} evaluation sentences, the first folder has {sentences}",
            "measure folders of one task together, others in a command of their own",
        )


def _target_of(subjects: Sequence[Subject]) -> str:
    named = sorted({subject.target for subject in subjects if subject.target})
    if len(named) > 1:
        raise InputError(f"artifacts for different targets ({', '.join(named)})", "choose with --target")
    if named:
        return named[0]
    return doctor.resolve(AUTO)[0].name


def _threads(subjects: Sequence[Subject], target: str) -> int | None:
    """Return the threads of the artifacts, or else of the profile, so that a teacher is given no fewer or more."""
    of_artifacts = [subject.threads for subject in subjects if subject.threads]
    if of_artifacts:
        return max(of_artifacts)
    return read(target).threads if target in names() else None

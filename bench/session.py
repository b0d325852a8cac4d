"""A session: several models measured in turn, so that what disturbs the machine disturbs them alike.

First each model runs over all sentences once (outputs and memory); then come the blocks, each model in each block,
in turn forwards and backwards, every block a fresh process.
"""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from bench import plan as plans
from bench import results
from bench.plan import Plan
from bench.settings import DEFAULT, Settings
from bench.trial import Trial
from contract.errors import InputError, TinybertError, WorkerError
from contract.progress import Advance, bar, note

Failures = dict[str, TinybertError]


def measure(
    folders: Sequence[Path],
    *,
    out: Path,
    target: str | None = None,
    student: Path | None = None,
    settings: Settings = DEFAULT,
) -> list[Path]:
    """Measure some folders on this machine.

    Args:
        folders: artifact, teacher or student folders.
        out: the folder to write records to, below the target's name.
        target: name of a profile; that of the artifacts, or else this machine's, if not given.
        student: the student folder with the labels; looked for near the folders if not given.
        settings: how to measure.

    Returns:
        The records, in the order of the folders.

    Raises:
        InputError: a folder cannot be measured; where that showed beforehand, nothing was written.
        WorkerError: the worker of one of them failed; the records of the others were written.
    """
    return carry_out(plans.make(folders, target=target, student=student, settings=settings), out)


def measure_once(
    folders: Sequence[Path],
    *,
    out: Path,
    target: str | None = None,
    student: Path | None = None,
    settings: Settings = DEFAULT,
) -> list[Path]:
    """Measure some folders as `measure` does, or find their records of an earlier session that measured just so."""
    plan = plans.make(folders, target=target, student=student, settings=settings)
    found = results.find_session(plan, out)
    if found:
        note(f"found the records of {len(found)} models, measured the same way on this machine")
        return found
    return carry_out(plan, out)


def carry_out(plan: Plan, out: Path) -> list[Path]:
    """Measure the models of a plan and write their records; raises as `measure` does."""
    failures: Failures = {}
    for trial in plan.trials:
        if trial.answers is None:
            name = trial.subject.folder.name
            note(f"{name}: no student folder with its labels is near, so it is not judged (name one by --student)")
    total = len(plan.trials) * (1 + plan.settings.blocks)
    with bar(f"Measuring {len(plan.trials)} models", total) as advance:
        _run_all(plan, failures, advance)
    finished = [trial for trial in plan.trials if trial.subject.sha256 not in failures]
    paths = results.write(plan, finished, out)
    if failures:
        kept = f"; {len(paths)} other records are in {out / plan.target}" if paths else ""
        said = f"{' | '.join(map(str, failures.values()))}{kept}"
        kind = WorkerError if any(isinstance(error, WorkerError) for error in failures.values()) else InputError
        raise kind(said)
    return paths


def _run_all(plan: Plan, failures: Failures, advance: Advance) -> None:
    settings = plan.settings
    for trial in plan.trials:
        _attempt(trial, failures, partial(Trial.run_outputs, settings=settings))
        advance(1)
    for block, rows in enumerate(plan.rows_by_block):
        for trial in plan.trials if block % 2 == 0 else reversed(plan.trials):
            _attempt(trial, failures, partial(Trial.run_block, rows=rows, settings=settings, machine=plan.machine))
            advance(1)


def _attempt(trial: Trial, failures: Failures, work: Callable[[Trial], None]) -> None:
    """Do something with a model, unless it failed before; its failure does not stop the others."""
    if trial.subject.sha256 in failures:
        return
    try:
        work(trial)
    except TinybertError as error:
        failures[trial.subject.sha256] = error

"""A session: several models measured in turn, so that disturbances of the machine affect all of them alike.

First each model runs over all sentences once (outputs and memory); then come the blocks, each block once per model, in
alternating order, each in a fresh process. What is measured is kept until the records are written (bench.unfinished).
"""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from bench import packs, results
from bench.measurement import Measurement
from bench.schedule import Schedule, make_schedule
from bench.settings import DEFAULT, Settings
from bench.unfinished import Unfinished, find_unfinished
from contract.errors import InputError, TinybertError, UnfinishedError, WorkerError
from contract.progress import Advance, bar, note

Failures = dict[str, TinybertError]


def measure(
    paths: Sequence[Path],
    *,
    out: Path,
    target: str | None = None,
    student: Path | None = None,
    settings: Settings = DEFAULT,
) -> list[Path]:
    """Measure some models on this machine.

    Args:
        paths: artifact, teacher or student folders, or archives of artifacts.
        out: folder to write records to, in a subfolder with the target's name.
        target: name of a profile; the artifacts' target, or else this machine's, if not given.
        student: the student folder with the labels; looked for near the models if not given.
        settings: how to measure.

    Returns:
        The records, in the order of the paths.

    Raises:
        InputError: a folder cannot be measured; if this was known beforehand, nothing was written.
        WorkerError: a worker failed; the records of the other models were written.
    """
    with packs.opened(paths) as folders:
        return run_schedule(make_schedule(folders, target=target, student=student, settings=settings), out)


def measure_once(
    paths: Sequence[Path],
    *,
    out: Path,
    target: str | None = None,
    student: Path | None = None,
    settings: Settings = DEFAULT,
) -> list[Path]:
    """Measure some models as `measure` does, or return their records from an earlier session with the same schedule."""
    with packs.opened(paths) as folders:
        schedule = make_schedule(folders, target=target, student=student, settings=settings)
        records = results.find_records(schedule, out)
        if records:
            note(f"using the records of {len(records)} models, measured the same way on this machine")
            return records
        return run_schedule(schedule, out)


def run_schedule(schedule: Schedule, out: Path) -> list[Path]:
    """Measure the models of a schedule and write their records; raises the errors of `measure`."""
    failures: Failures = {}
    for measurement in schedule.measurements:
        if measurement.references is None:
            name = measurement.folder.path.name
            note(f"{name}: found no student folder with its labels, so its outputs are not judged (use --student)")
    results.check_writable(schedule, out)
    unfinished = find_unfinished(schedule, out)
    total = len(schedule.measurements) * (1 + schedule.settings.blocks)
    count = len(schedule.measurements)
    with bar(f"Measuring {count} model{'s' * (count != 1)}", total) as advance:
        _run_outputs(schedule, unfinished, failures, advance)
        for number, rows in enumerate(schedule.rows_by_block):
            _run_round(schedule, number, rows, unfinished, failures, advance)
    measured = _with_blocks(schedule, failures)
    paths = results.write_records(schedule, measured, out, interruptions=unfinished.interruptions)
    unfinished.remove()
    if failures:
        failed = sum(measurement.folder.sha256 in failures for measurement in measured)
        partly = f"; {failed} of their records have only the blocks before" if failed else ""
        others = f"; {len(paths) - failed} other records are in {out / schedule.target}" if paths[failed:] else ""
        written = f"{partly}{others}"
        message = f"{' | '.join(map(str, failures.values()))}{written}"
        kind = WorkerError if any(isinstance(error, WorkerError) for error in failures.values()) else InputError
        raise kind(message)
    return paths


def _with_blocks(schedule: Schedule, failures: Failures) -> list[Measurement]:
    """Return the models to write records of: also those whose worker failed in a later block, which are marked.

    A model whose files were changed is none of them: nobody knows what its blocks measured.
    """
    measured = _remaining(schedule, failures)
    for measurement in schedule.measurements:
        error = failures.get(measurement.folder.sha256)
        if isinstance(error, WorkerError) and measurement.blocks:
            count = f"{len(measurement.blocks)} of {schedule.settings.blocks}"
            # What a library says of its failure may name folders of this machine.
            reason = (
                error.cause.partition("; stderr: ")[0] if isinstance(error, UnfinishedError) else "its worker failed"
            )
            measurement.doubts.append(f"only {count} blocks were measured: {reason}")
            measured.append(measurement)
    return measured


def _run_outputs(schedule: Schedule, unfinished: Unfinished, failures: Failures, advance: Advance) -> None:
    for measurement in schedule.measurements:
        measurement.reply = unfinished.outputs(measurement)
        is_new = measurement.reply is None
        _attempt(measurement, failures, partial(Measurement.run_outputs, settings=schedule.settings))
        if is_new and measurement.folder.sha256 not in failures:
            unfinished.keep_outputs(measurement)
        advance(1)


def _run_round(
    schedule: Schedule,
    number: int,
    rows: tuple[int, ...],
    unfinished: Unfinished,
    failures: Failures,
    advance: Advance,
) -> None:
    """Give each model that has not failed one block, from an earlier run or measured now, forwards or backwards."""
    if unfinished.use_round(number, _remaining(schedule, failures)):
        advance(len(schedule.measurements))
        return
    run_block = partial(Measurement.run_block, rows=rows, settings=schedule.settings, machine=schedule.machine)
    for measurement in schedule.measurements if number % 2 == 0 else reversed(schedule.measurements):
        _attempt(measurement, failures, run_block)
        advance(1)
    unfinished.keep_round(number, _remaining(schedule, failures))


def _remaining(schedule: Schedule, failures: Failures) -> list[Measurement]:
    return [measurement for measurement in schedule.measurements if measurement.folder.sha256 not in failures]


def _attempt(measurement: Measurement, failures: Failures, step: Callable[[Measurement], None]) -> None:
    """Run one step of a measurement unless an earlier step failed; a failure does not stop the other models."""
    if measurement.folder.sha256 in failures:
        return
    try:
        step(measurement)
    except TinybertError as error:
        failures[measurement.folder.sha256] = error

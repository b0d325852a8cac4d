"""A session that was killed goes on when its command is given again, and ends as if nothing had happened."""

import json
import os
import random
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bench import moment
from bench.measurement import Measurement
from bench.moment import Moment
from bench.record import Record, read_record
from bench.schedule import Schedule, make_schedule
from bench.session import run_schedule
from bench.settings import Settings
from contract.errors import WorkerError
from targets.profile import Precision
from tests.models import of_script

SETTINGS = Settings(blocks=3, sentences_per_block=2)
DAY_S = 24 * 3600
# The session's child: real processes of the scripted runtime, which a command line cannot name.
SESSION = """
import sys
from pathlib import Path
from tests.bench.test_unfinished import schedule_of
from bench.session import run_schedule
run_schedule(schedule_of([Path(name) for name in sys.argv[2:]]), Path(sys.argv[1]))
"""
# The measurements of one uninterrupted session, by the models' SHA-256: the folders of all tests here are the same.
FIRST: dict[str, Measurement] = {}


def schedule_of(folders: list[Path], settings: Settings = SETTINGS) -> Schedule:
    schedule = make_schedule(folders, target=None, student=None, settings=settings)
    for measurement in schedule.measurements:
        measurement.folder = replace(measurement.folder, model=of_script(measurement.folder.model))
    return schedule


@pytest.fixture
def folders(artifact_of: Callable[..., Path]) -> list[Path]:
    return [artifact_of('{"infer_ns": [1000000]}', Precision.INT8), artifact_of('{"infer_ns": [3000000]}')]


class Steps:
    """Stands in for the workers: gives real replies of an earlier session at once, and can be interrupted."""

    def __init__(self, folders: list[Path], out: Path) -> None:
        self.folders, self.out = folders, out
        self.measured: Counter[tuple[str, str]] = Counter()
        self.left: int | None = None
        self.failing: set[str] = set()
        schedule = schedule_of(folders)
        if not FIRST:
            run_schedule(schedule, out / "first")
            FIRST.update({measurement.folder.sha256: measurement for measurement in schedule.measurements})
        self._rows = schedule.rows_by_block

    def run_outputs(self, measurement: Measurement, **_settings: Any) -> None:
        if measurement.reply is None:
            self._take(measurement, "outputs")
            measurement.reply = FIRST[measurement.folder.sha256].reply

    def run_block(self, measurement: Measurement, *, rows: tuple[int, ...], **_settings: Any) -> None:
        number = self._rows.index(rows)
        self._take(measurement, f"block {number}")
        measurement.blocks.append(FIRST[measurement.folder.sha256].blocks[number])

    def session(self, after: int | None = None) -> list[Record] | None:
        """Run the session; None if it was interrupted after some steps."""
        self.left = after
        try:
            return [read_record(path) for path in run_schedule(schedule_of(self.folders), self.out / "out")]
        except KeyboardInterrupt:
            return None
        finally:
            self.left = None

    def _take(self, measurement: Measurement, step: str) -> None:
        if self.left == 0:
            raise KeyboardInterrupt
        if self.left is not None:
            self.left -= 1
        if measurement.folder.precision in self.failing:
            raise WorkerError("it failed")
        self.measured[measurement.folder.precision, step] += 1


@pytest.fixture
def steps(folders: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Steps:
    made = Steps(folders, tmp_path)
    monkeypatch.setattr(
        "bench.session.Measurement.run_outputs", lambda *given, **named: made.run_outputs(*given, **named)
    )
    monkeypatch.setattr("bench.session.Measurement.run_block", lambda *given, **named: made.run_block(*given, **named))
    return made


def leftovers(out: Path) -> list[str]:
    return sorted(path.name for path in out.glob("**/.*"))


@given(st.lists(st.integers(0, 7), max_size=4))
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whenever_it_is_interrupted_each_block_is_in_the_record_once(steps: Steps, interruptions: list[int]) -> None:
    runs = [steps.session(after) for after in interruptions]
    records = steps.session() or []
    assert len(records) == 2
    for record in records:
        assert tuple(block.rows for block in record.blocks) == schedule_of(steps.folders).rows_by_block
        assert record.session == records[0].session
        assert record.interruptions <= sum(run is None for run in runs)
    assert leftovers(steps.out / "out") == []


@pytest.mark.parametrize(
    ("after", "found", "again"),
    [
        (0, 0, set()),
        (1, 0, set()),
        (2, 0, set()),
        # The other model's block of the same round would not have stood beside this one.
        (3, 0, {("int8", "block 0")}),
        (4, 2, set()),
        (5, 2, {("fp32", "block 1")}),
        (7, 4, {("int8", "block 2")}),
    ],
)
def test_whole_rounds_are_found_again(
    steps: Steps, capsys: pytest.CaptureFixture[str], after: int, found: int, again: set[tuple[str, str]]
) -> None:
    assert steps.session(after) is None
    capsys.readouterr()
    records = steps.session() or []
    told = capsys.readouterr().err
    assert (f"going on with an interrupted session: {found} of 6 blocks found" in told) == (found > 0)
    assert {step for step, times in steps.measured.items() if times > 1} == again
    assert [record.interruptions for record in records] == [int(found > 0)] * 2


@pytest.mark.parametrize(
    ("later", "is_found"),
    [
        ({"seconds": 60.0}, True),
        ({"seconds": DAY_S - 60.0}, True),
        ({"seconds": DAY_S + 60.0}, False),
        ({"seconds": -60.0}, False),
        ({"boot": "another"}, False),
    ],
    ids=str,
)
def test_blocks_of_another_day_or_another_start_of_the_machine_are_measured_again(
    steps: Steps,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    later: dict[str, Any],
    is_found: bool,
) -> None:
    steps.session(6)
    then = moment.now()
    changed = {"boot": then.boot, **later, "seconds": max(0.0, then.seconds + later.get("seconds", 0.0))}
    monkeypatch.setattr("bench.moment.now", lambda: Moment(**changed))
    assert len(steps.session() or []) == 2
    assert ("4 of 6 blocks found" in capsys.readouterr().err) == is_found
    assert max(steps.measured.values()) == (1 if is_found else 2)


def test_a_clock_that_was_set_changes_nothing(steps: Steps, monkeypatch: pytest.MonkeyPatch) -> None:
    steps.session(6)
    monkeypatch.setattr(time, "time", lambda: 0.0)
    steps.session()
    assert max(steps.measured.values()) == 1


@pytest.mark.parametrize(
    "changes",
    [{"target": "laptop-arm"}, {"settings": replace(SETTINGS, seed=1)}, {"machine": "kernel"}, {"threads": 2}],
)
def test_another_session_begins_anew_and_leaves_the_first(
    steps: Steps, changes: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    steps.session(6)
    other = schedule_of(steps.folders)
    if changes.get("machine"):
        changes = {"machine": other.machine.model_copy(update={"kernel": "another"})}
    if threads := changes.get("threads"):
        changes = {}
        for measurement in other.measurements:
            measurement.threads = threads
    run_schedule(replace(other, **changes), steps.out / "out")
    assert steps.measured["int8", "block 0"] == 2
    steps.session()
    assert steps.measured["int8", "block 0"] == 2


def test_a_broken_file_is_measured_again(steps: Steps) -> None:
    steps.session(6)
    for number, path in enumerate(sorted((steps.out / "out").glob(".unfinished-*/*"))):
        path.write_bytes(path.read_bytes()[: number * 20])
    assert len(steps.session() or []) == 2
    assert set(steps.measured.values()) == {1, 2}


def test_a_model_that_failed_is_tried_again_beside_the_others(steps: Steps) -> None:
    steps.failing = {"int8"}
    assert steps.session(3) is None  # after one failure, and the other model's outputs and first block
    steps.failing = set()
    assert [len(record.blocks) for record in steps.session() or []] == [3, 3]
    # A round without the failed model is measured again, so that all pairs stood side by side.
    assert steps.measured["fp32", "block 0"] == 2


def test_old_leftovers_of_other_sessions_go(steps: Steps) -> None:
    for name, age_s in (("old", DAY_S + 60), ("new", 60)):
        folder = steps.out / "out" / f".unfinished-{name}"
        folder.mkdir(parents=True)

        os.utime(folder, (time.time() - age_s,) * 2)
    steps.session()
    assert leftovers(steps.out / "out") == [".unfinished-new"]


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(6))
def test_killed_at_any_moment_it_ends_with_every_block(folders: list[Path], tmp_path: Path, seed: int) -> None:
    out, drawn = tmp_path / "out", random.Random(seed)
    command = [sys.executable, "-c", SESSION, str(out), *map(str, folders)]
    for _ in range(3):
        process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        files = len(list(out.glob(".unfinished-*/*.json"))) + drawn.randrange(3)
        while process.poll() is None and len(list(out.glob(".unfinished-*/*.json"))) < files:
            time.sleep(0.01)
        time.sleep(drawn.uniform(0, 0.5))
        process.kill()
        process.wait()
    rounds = len(list(out.glob(".unfinished-*/round-*.json")))
    ended = subprocess.run(command, capture_output=True, text=True, check=True)
    told = re.findall(r"(\d) of 6 blocks found", ended.stderr)
    assert told == ([str(2 * rounds)] if rounds else [])
    paths = list(out.glob("laptop-x86/*.json"))
    assert len(paths) == 2
    expected = schedule_of(folders).rows_by_block
    for path in paths:
        assert tuple(block.rows for block in read_record(path).blocks) == expected
        assert json.loads(path.read_text())["interruptions"] <= 3
    assert leftovers(out) == []

"""A session uses no more threads than this process may, and says so."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from bench.record import read_record
from bench.schedule import Schedule
from bench.session import run_schedule

MakeSchedule = Callable[..., Schedule]


@pytest.mark.parametrize(
    ("cores", "asked", "threads", "doubt"),
    [
        (1, 1, 1, ""),
        (4, 2, 2, ""),
        (1, 4, 1, "measured with 1 of 4 threads: this process may use one core"),
        (3, 4, 3, "measured with 3 of 4 threads: this process may use 3 cores"),
    ],
)
def test_no_more_threads_than_cores_and_the_record_says_so(
    artifact_of: Callable[..., Path],
    scripted_session: MakeSchedule,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    cores: int,
    asked: int,
    threads: int,
    doubt: str,
) -> None:
    monkeypatch.setattr("targets.machine.cores", lambda *_: cores)
    schedule = scripted_session([artifact_of(threads=asked)])
    (path,) = run_schedule(schedule, tmp_path / "out")
    record = read_record(path)
    assert (record.threads, record.machine.cores) == (threads, cores)
    assert (doubt in record.causes) == bool(doubt)
    if doubt:
        assert record.validity != "valid"


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="a system call of Linux")
def test_an_affinity_mask_is_respected(
    artifact_of: Callable[..., Path], scripted_session: MakeSchedule, tmp_path: Path
) -> None:
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(allowed)})
    try:
        schedule = scripted_session([artifact_of(threads=2)])
        (path,) = run_schedule(schedule, tmp_path / "out")
    finally:
        os.sched_setaffinity(0, allowed)
    record = read_record(path)
    assert (record.threads, record.machine.cores) == (1, 1)
    assert "measured with 1 of 2 threads: this process may use one core" in record.causes

"""Progress in a log: a line each tenth, at least one in half a minute, and none if the user wants none."""

import pytest

from contract import options, progress


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time in seconds, to be changed."""
    now = [0.0]
    monkeypatch.setattr("contract.progress.time.monotonic", lambda: now[0])
    return now


def test_a_line_each_tenth(clock: list[float], capsys: pytest.CaptureFixture[str]) -> None:
    with progress.bar("Training", 1000) as advance:
        for _ in range(1000):
            clock[0] += 1.0
            advance(1)
    lines = capsys.readouterr().err.splitlines()
    # Half a minute is sooner than a tenth of 1,000 seconds.
    assert lines[0] == "Training: 30 of 1000, 3%, 0:00:30, 0:16:10 left"
    assert lines[-1] == "Training: 1000 of 1000, done in 0:16:40"
    assert len(lines) == 1000 // 30 + 1


def test_quick_work_has_ten_lines(clock: list[float], capsys: pytest.CaptureFixture[str]) -> None:
    with progress.bar("Training", 10_000) as advance:
        for _ in range(10_000):
            clock[0] += 0.001
            advance(1)
    lines = capsys.readouterr().err.splitlines()
    assert [line.split(", ")[1] for line in lines[:-1]] == [f"{tenth}0%" for tenth in range(1, 10)]


def test_quiet_is_silent(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(options.QUIET, "1")
    with progress.bar("Training", 10) as advance:
        advance(10)
    progress.note("something")
    assert capsys.readouterr().err == ""

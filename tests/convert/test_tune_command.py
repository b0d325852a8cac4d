"""The `tinybert tune` command: its options and messages."""

from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from contract.errors import InputError
from convert.tune import command

DURATION_CURE = "write it as 15m, 900s or 1h"


def tune(*arguments: object) -> None:
    app = typer.Typer()
    app.command()(command.tune)
    CliRunner().invoke(app, [str(argument) for argument in arguments], catch_exceptions=False)


@pytest.mark.parametrize(("text", "duration_s"), [("15m", 900.0), ("900s", 900.0), ("1.5h", 5400.0)])
def test_a_budget_is_parsed(text: str, duration_s: float) -> None:
    assert command.seconds(text) == duration_s


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("15", "budget '15' is not a duration"),
        ("", "budget '' is not a duration"),
        ("1d", "budget '1d' is not a duration"),
        ("0s", "budget '0s' must be positive"),
        ("-5m", "budget '-5m' must be positive"),
        ("infs", "budget 'infs' must be positive"),
    ],
)
def test_an_invalid_budget_is_rejected(text: str, cause: str) -> None:
    with pytest.raises(InputError) as caught:
        command.seconds(text)
    assert str(caught.value) == f"{cause}: {DURATION_CURE}"


def test_a_floor_in_a_recipes_unit_is_rejected_before_the_search(
    student: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("targets.doctor.check_processor", lambda *_: ())
    with pytest.raises(InputError) as caught:
        tune(student, "--target", "laptop-x86", "--floor", "0.9", "--out", tmp_path / "out")
    assert str(caught.value) == (
        "invalid floor '0.9': a floor is in points, hundredths of the score: use 90 for a score of 0.9"
    )
    assert not (tmp_path / "out").exists()

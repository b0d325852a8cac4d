"""`tinybert targets` as a user sees it."""

import json
import subprocess
import sys
from collections.abc import Callable

import pytest
import typer
from typer.testing import CliRunner, Result

from contract.errors import InputError
from targets import machine, profile
from targets.command import targets
from targets.machine import Facts


@pytest.fixture
def run(facts: Callable[[str], Facts], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Run the command on a Raspberry Pi 5, or another machine."""
    app = typer.Typer()
    app.command("targets")(targets)
    monkeypatch.setenv("COLUMNS", "200")

    def call(*arguments: str, on: str = "pi-5") -> Result:
        monkeypatch.setattr(machine, "read", lambda: facts(on))
        return CliRunner().invoke(app, list(arguments))

    return call


def test_the_list_shows_every_profile_and_marks_this_machine(run: Callable[..., Result]) -> None:
    result = run()
    assert result.exit_code == 0
    assert result.stderr == ""
    lines = result.stdout.splitlines()
    for name in profile.names():
        assert any(f" {name} " in line for line in lines)
    row = next(number for number, line in enumerate(lines) if " raspberry-pi-5 " in line)
    assert {"raspberry-pi-5", "aarch64", "1,024", "30"} <= set(lines[row].split())
    assert "(this machine)" in lines[row + 1]
    words = " ".join(lines[row : row + 4])
    assert all(word in words for word in ("neon", "dotprod", "fp16", "128", "openvino", "int8"))
    assert lines[-1] == "raspberry-pi-5: this machine calls itself Raspberry Pi 5 Model B Rev 1.0"


def test_the_list_is_shown_where_no_profile_fits(run: Callable[..., Result]) -> None:
    result = run(on="pi-3")
    assert result.exit_code == 0
    assert "(this machine)" not in result.stdout
    assert "no profile fits this machine (Raspberry Pi 3 Model B Plus Rev 1.3" in result.stdout


def test_one_profile_is_shown_with_its_sources_and_what_does_not_fit(run: Callable[..., Result]) -> None:
    result = run("raspberry-pi-4")
    assert result.exit_code == 0
    text = " ".join(result.stdout.split())
    for part in (
        "100 ms",
        "256 MiB",
        "0.03 of accuracy",
        "onnxruntime#23957",
        "not ==1.21.0",
        "needs >=2.35",
        "own decision",
    ):
        assert part in text
    assert "warning: models: this is Raspberry Pi 5 Model B Rev 1.0, not Raspberry Pi 4" in text


def test_the_list_as_json(run: Callable[..., Result]) -> None:
    value = json.loads(run("--json").stdout)
    assert [target["name"] for target in value["targets"]] == profile.names()
    here = value["this_machine"]
    assert here["target"] == "raspberry-pi-5"
    assert here["reason"] == "this machine calls itself Raspberry Pi 5 Model B Rev 1.0"
    assert here["isa_features"] == ["neon", "dotprod", "fp16"]
    assert json.loads(run("--json", on="nehalem").stdout)["this_machine"]["target"] is None


def test_one_profile_as_json(run: Callable[..., Result]) -> None:
    value = json.loads(run("auto", "--json").stdout)
    assert value["target"] == profile.read("raspberry-pi-5").model_dump(mode="json")
    value = json.loads(run("laptop-x86", "--json").stdout)
    assert value["reason"] == "laptop-x86 was asked for"
    assert value["findings"][0] == {
        "subject": "arch",
        "severity": "error",
        "cause": "the user space is aarch64, not x86_64",
        "cure": "choose another target",
    }


def test_brackets_in_a_profile_are_printed_literally(
    run: Callable[..., Result], tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("mine") / "mine.toml"
    text = profile._folder().joinpath("raspberry-pi-5.toml").read_text(encoding="utf-8")
    path.write_text(text.replace('title = "Raspberry Pi 5"', 'title = "A [/red] board"'), encoding="utf-8")
    result = run(str(path))
    assert result.exit_code == 0
    assert "A [/red] board" in result.stdout


def test_a_misspelt_name_is_an_input_error(run: Callable[..., Result]) -> None:
    result = run("raspbery-pi-5")
    assert isinstance(result.exception, InputError)
    assert result.exception.exit_code == 2
    assert "did you mean 'raspberry-pi-5'?" in str(result.exception)


def test_the_help_needs_neither_profiles_nor_tables() -> None:
    program = (
        "import sys, typer; before = set(sys.modules); import targets.command; "
        "new = {name.partition('.')[0] for name in set(sys.modules) - before}; "
        "print(new & {'pydantic', 'rich', 'psutil', 'packaging'})"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert run.stdout.strip() == "set()"

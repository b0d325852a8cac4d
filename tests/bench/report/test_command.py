import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import typer
from rich.console import Console
from typer.testing import CliRunner

from bench.record import Record
from bench.report import terminal
from bench.report.command import report
from bench.report.read import read_sessions
from bench.report.view import view_of
from contract.errors import InputError, MissingExtraError

FolderOf = Callable[[Sequence[Record]], Path]
MakeRecord = Callable[..., Record]


@pytest.fixture
def app() -> typer.Typer:
    app = typer.Typer()
    app.command()(report)
    return app


def test_files_are_written_and_the_last_line_is_the_page(
    app: typer.Typer, folder_of: FolderOf, session_records: tuple[Record, ...], tmp_path: Path
) -> None:
    out = tmp_path / "deep" / "report.html"
    done = CliRunner().invoke(app, [str(folder_of(session_records)), "--out", str(out)])
    assert done.exit_code == 0, done.output
    assert done.stdout.splitlines()[-1] == str(out)
    assert "| openvino int8 | openvino 1.2.3 | int8 |" in done.stdout
    assert sorted(path.name for path in out.parent.iterdir()) == ["REPORT.md", "pareto.svg", "report.html"]
    assert "](pareto.svg)" in (out.parent / "REPORT.md").read_text(encoding="utf-8")


def test_the_markdown_is_named_like_the_page(
    app: typer.Typer, folder_of: FolderOf, session_records: tuple[Record, ...], tmp_path: Path
) -> None:
    out = tmp_path / "boards.html"
    assert CliRunner().invoke(app, [str(folder_of(session_records)), "--out", str(out)]).exit_code == 0
    assert out.with_suffix(".md").is_file()


def test_json_is_one_document(
    app: typer.Typer, folder_of: FolderOf, session_records: tuple[Record, ...], tmp_path: Path
) -> None:
    out = tmp_path / "report.html"
    done = CliRunner().invoke(app, [str(folder_of(session_records)), "--out", str(out), "--json"])
    document = json.loads(done.stdout)
    (session,) = document["sessions"]
    assert document["report"] == str(out)
    assert session["fastest"] == "openvino fp32"
    assert len(session["rows"]) == len(session_records)
    first, last = session["rows"][0], session["rows"][-1]
    assert first["speed_up"] is None
    assert first["missing"]["speed_up"] == "the teacher is the model that the others are compared with"
    assert last["metric"] == "accuracy"
    assert last["quality"]["accuracy"]["value"] == pytest.approx(0.88)
    assert last["missing"] == {}


def test_results_is_where_records_are_looked_for(
    app: typer.Typer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, [])
    assert isinstance(done.exception, InputError)
    assert str(done.exception).startswith("results: no such file or folder")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["report.md", "folder"])
def test_out_is_an_html_file(
    name: str, app: typer.Typer, folder_of: FolderOf, session_records: tuple[Record, ...], tmp_path: Path
) -> None:
    done = CliRunner().invoke(app, [str(folder_of(session_records)), "--out", str(tmp_path / name)])
    assert isinstance(done.exception, InputError)
    assert "ends in .html" in str(done.exception)


def test_broken_input_leaves_the_old_report(
    app: typer.Typer, folder_of: FolderOf, session_records: tuple[Record, ...], tmp_path: Path
) -> None:
    out = tmp_path / "report.html"
    out.write_text("old")
    folder = folder_of(session_records)
    (folder / "broken.json").write_text("{}")
    assert isinstance(CliRunner().invoke(app, [str(folder), "--out", str(out)]).exception, InputError)
    assert out.read_text() == "old"
    assert not (tmp_path / "REPORT.md").exists()


def test_two_sessions_have_two_pictures(
    app: typer.Typer, folder_of: FolderOf, session_records: tuple[Record, ...], tmp_path: Path
) -> None:
    other = [record.model_copy(update={"target": "raspberry-pi-4"}) for record in session_records]
    out = tmp_path / "out" / "report.html"
    CliRunner().invoke(app, [str(folder_of([*session_records, *other])), "--out", str(out)])
    assert {path.name for path in out.parent.glob("*.svg")} == {"pareto.svg", "pareto-2.svg"}


def test_a_terminal_shows_names_literally(folder_of: FolderOf, make_record: MakeRecord) -> None:
    names = ("[bold]x[/bold]", "\x1b[31mred")
    (session,) = read_sessions([folder_of([make_record(model_sha256=digit * 64) for digit in "12"])])
    named = [record.model_copy(update={"name": name}) for record, name in zip(session.records, names, strict=True)]
    session = replace(session, records=tuple(named))  # reading would refuse these names
    console = Console(width=240, record=True, force_terminal=True)
    with console.capture() as captured:
        terminal.show(view_of(session), console)
    assert "[bold]x[/bold]" in captured.get()
    assert "\x1b[31mred" not in captured.get()


def test_a_terminal_shows_why_a_record_is_not_valid(folder_of: FolderOf, make_record: MakeRecord) -> None:
    (session,) = read_sessions([folder_of([make_record(validity="invalid", causes=("throttled",))])])
    console = Console(width=160, record=True)
    with console.capture() as captured:
        terminal.show(view_of(session), console)
    assert "onnx fp32 is invalid: throttled" in captured.get()


@pytest.mark.parametrize("module", ["jinja2", "altair", "vl_convert"])
def test_a_missing_library_is_named_with_its_cure(
    module: str,
    app: typer.Typer,
    folder_of: FolderOf,
    session_records: tuple[Record, ...],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder, out = folder_of(session_records), tmp_path / "report.html"
    monkeypatch.setitem(sys.modules, module, None)
    done = CliRunner().invoke(app, [str(folder), "--out", str(out)])
    assert isinstance(done.exception, MissingExtraError)
    assert str(done.exception) == f"{module} is not installed: run: pip install 'tinybert-edge[report]'"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["records"]


def test_help_shows_examples(app: typer.Typer) -> None:
    done = CliRunner().invoke(app, ["--help"])
    assert done.exit_code == 0
    assert "tinybert report results --json" in done.output

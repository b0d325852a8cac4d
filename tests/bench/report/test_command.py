import json
import os
import shutil
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
from contract.errors import InputError, MissingExtraError, install

FolderOf = Callable[[Sequence[Record]], Path]
MakeRecord = Callable[..., Record]
COMMITTED = Path(__file__).parents[3] / "results" / "laptop-x86"


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


def _copy_committed(folder: Path, written_ns: int) -> None:
    """Make the results of a run of records that were really measured."""
    shutil.copytree(COMMITTED, folder / "laptop-x86")
    (folder / ".unfinished-1").mkdir()
    (folder / ".unfinished-1" / "round-0.json").write_text("{}")
    for path in folder.rglob("*.json"):
        os.utime(path, ns=(written_ns, written_ns))


@pytest.mark.parametrize(
    ("folders", "read", "said"),
    [
        (["runs/a/results"], "runs/a", "reading the records in runs/a/results"),
        (["runs/a/results", "runs/b/results"], "runs/b", "reading the records in runs/b/results, the newest of 2 runs"),
        (["runs/b/results", "runs/a/results"], "runs/a", "reading the records in runs/a/results, the newest of 2 runs"),
        (["results", "runs/a/results"], "results", "reading the records in results"),
    ],
)
def test_without_arguments_the_last_run_is_reported(
    app: typer.Typer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folders: list[str], read: str, said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    for number, folder in enumerate(folders, start=1):
        _copy_committed(Path(folder), number * 10**9)
    Path("results").mkdir(exist_ok=True)  # a folder without records counts for nothing
    Path("runs/c/results").mkdir(parents=True)
    done = CliRunner().invoke(app, [])
    assert done.exit_code == 0, done.output
    assert done.stderr == f"{said}\n"
    assert done.stdout.splitlines()[-1] == f"{read}/report.html"
    assert "| tflite int8 |" in Path(read, "REPORT.md").read_text(encoding="utf-8")
    assert len(list(Path().rglob("report.html"))) == 1


def test_records_that_are_named_say_nothing_and_go_to_results(
    app: typer.Typer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    _copy_committed(Path("runs/a/results"), 10**9)
    done = CliRunner().invoke(app, ["runs/a/results"])
    assert (done.exit_code, done.stderr, done.stdout.splitlines()[-1]) == (0, "", "results/report.html")


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
    assert str(done.exception) == f"{module} is not installed: {install('report')}"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["records"]


def test_help_shows_examples(app: typer.Typer) -> None:
    done = CliRunner().invoke(app, ["--help"])
    assert done.exit_code == 0
    assert "tinybert report results --json" in done.output

"""Control characters of a stranger's texts, ESC or what turns the direction, reach neither a terminal nor a page."""

import io
import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from bench.record import Record
from bench.report import markdown, terminal
from bench.report.page import render
from bench.report.read import read_sessions
from bench.report.view import view_of
from bench.report.write import write_report
from contract.progress import note
from contract.text import CONTROLS, printable
from infer.folders.artifact import ARTIFACT_MANIFEST
from tests.bench.report.conftest import make_test_record

Tinybert = Callable[..., tuple[int, str, str]]
# A terminal's title and its C1 form, a direction that nothing ends, an isolate, a mark, a line that is none.
HOSTILE = ("\x1b]0;x\x07", "\x9b2J", "\u202egood", "\u2066", "\u200f", "\u2028")
ALL = "".join(HOSTILE)


def controls_in(text: str) -> set[str]:
    return set(CONTROLS.findall(text)) - {"\n", "\t", "\r"}


@pytest.mark.parametrize("hostile", HOSTILE)
def test_a_control_is_shown_as_an_escape_of_json(hostile: str) -> None:
    shown = printable(f"a{hostile}b")
    assert not controls_in(shown)
    assert json.loads(f'"{shown}"') == f"a{hostile}b"


@pytest.mark.parametrize("text", ["plain", "ÄÖ 新闻", "שלום", "می‌خواهم", "👩‍🔬", "e\u0301"])
def test_other_text_stays_as_it_is(text: str) -> None:
    assert printable(text) == text


@given(st.text())
def test_nothing_is_left_that_controls(text: str) -> None:
    assert not CONTROLS.search(printable(text))


@pytest.fixture
def hostile_artifact(artifacts: Path, tmp_path: Path) -> Path:
    """A copy whose labels are hostile."""
    folder = Path(shutil.copytree(artifacts / "onnx-int8", tmp_path / "onnx-int8"))
    path = folder / ARTIFACT_MANIFEST
    value = json.loads(path.read_text())
    value["task"]["labels"] = [f"bad{ALL}", f"good{ALL}"]
    value["tool_versions"] = {f"tool{ALL}": f"1{ALL}"}
    value["quantization"] = [ALL]
    path.write_text(json.dumps(value))
    return folder


@pytest.mark.parametrize("options", [(), ("--all-scores",), ("--json",), ("--json", "--all-scores")])
def test_answers_have_none(tinybert: Tinybert, hostile_artifact: Path, options: tuple[str, ...]) -> None:
    code, out, err = tinybert("predict", hostile_artifact, f"ba {ALL} de", *options)
    assert code == 0, err
    assert not controls_in(out + err)
    assert out.count("\n") == 1
    if "--json" in options:
        answer = json.loads(out)
        assert answer["text"] == f"ba {ALL} de"
        assert answer["label"] in (f"bad{ALL}", f"good{ALL}")


@pytest.mark.parametrize("options", [(), ("--json",)])
def test_a_description_has_none(tinybert: Tinybert, hostile_artifact: Path, options: tuple[str, ...]) -> None:
    code, out, err = tinybert("verify", hostile_artifact, *options)
    assert code == 0, err
    assert not controls_in(out + err)


@pytest.mark.parametrize("key", ["name", "target", "no such key", "metric"])
def test_an_error_has_none(tinybert: Tinybert, hostile_artifact: Path, key: str) -> None:
    path = hostile_artifact / ARTIFACT_MANIFEST
    value = json.loads(path.read_text())
    if key == "metric":
        value["quality"]["metric"] = ALL
    else:
        value[ALL if key == "no such key" else key] = ALL
    path.write_text(json.dumps(value))
    for command in (("verify",), ("bench", "--out", hostile_artifact.parent / "out"), ("predict",)):
        code, out, err = tinybert(
            command[0], hostile_artifact, *command[1:], *(["x"] if command[0] == "predict" else [])
        )
        assert (code, out, err.count("\n")) == (2, "", 1), err
        assert not controls_in(err)


def test_an_error_of_a_path_has_none(tinybert: Tinybert, tmp_path: Path) -> None:
    code, _, err = tinybert("verify", tmp_path / "x\x1b[2J\u202e")
    assert code == 2
    assert not controls_in(err)


def test_a_note_has_none(capsys: pytest.CaptureFixture[str]) -> None:
    note(f"one{ALL}\ntwo")
    said = capsys.readouterr().err
    assert not controls_in(said)
    assert said.count("\n") == 2


def _texts(value: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the place of each string in a record's JSON."""
    if isinstance(value, str):
        yield place
    elif isinstance(value, dict | list):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _texts(inner, (*place, key))


def hostile_record(**changes: Any) -> Record:
    """Return a record in which all texts are hostile that are not of a few known ones or numbers."""
    value = make_test_record(causes=("x",), validity="degraded", **changes).model_dump(mode="json")
    for place in filter(lambda place: place != ("measured_at",), list(_texts(value))):  # refused on reading
        parent = value
        for key in place[:-1]:
            parent = parent[key]
        plain = parent[place[-1]]
        parent[place[-1]] = plain + ALL
        try:
            Record.model_validate_json(json.dumps(value))
        except ValueError:
            parent[place[-1]] = plain
    record = Record.model_validate_json(json.dumps(value))
    assert all(text != plain for text, plain in ((record.machine.model, BOARD), (record.causes, ("x",))))
    return record


BOARD = make_test_record().machine.model


def test_a_report_has_none(tmp_path: Path) -> None:
    records = [hostile_record(kind="teacher", latency_ns=9_000_000), hostile_record(), hostile_record(precision="int8")]
    for number, record in enumerate(records):
        assert any(ALL in label for label in record.task.names)
        (tmp_path / f"{number}.json").write_text(record.model_dump_json())
    page = write_report([tmp_path], tmp_path / "out" / "report.html")
    written = [path for path in page.parent.iterdir() if path.suffix in (".html", ".md", ".svg")]
    assert len(written) == 3
    for path in written:
        text = path.read_text(encoding="utf-8")
        script = text.rpartition("<script>")[2].partition("</script>")[0] if path.suffix == ".html" else ""
        assert not controls_in(text.replace(script, "") if script else text), path


def test_the_ways_to_show_a_record_take_out_what_reading_left(tmp_path: Path) -> None:
    """As no reader is the last: a text that was never read is as harmless."""
    for number, kind in enumerate(("teacher", "artifact")):
        (tmp_path / f"{number}.json").write_text(make_test_record(kind=kind).model_dump_json())
    (session,) = read_sessions([tmp_path])
    machine = session.machine.model_copy(update={"model": ALL})
    changes = {"machine": machine, "runtime_version": ALL, "command": ALL, "causes": (ALL,), "validity": "degraded"}
    records = tuple(record.model_copy(update=changes) for record in session.records)
    view = view_of(replace(session, machine=machine, teacher=records[0], records=records))
    assert not controls_in(render([view]).partition("<script>")[0])
    assert not controls_in(markdown.render([view], [""]))
    console = Console(width=240, file=io.StringIO(), record=True)
    terminal.show(view, console)
    assert not controls_in(console.export_text())

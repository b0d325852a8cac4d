"""Where records go: a folder that cannot be written is refused early, and names of any kind work."""

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from bench.record import read_record
from bench.schedule import Schedule
from bench.session import run_schedule

MakeSchedule = Callable[..., Schedule]
Tinybert = Callable[..., tuple[int, str, str]]


@pytest.mark.parametrize(
    ("out", "target", "message"),
    [
        ("file", "laptop-x86", "file: cannot be written"),
        ("file/out", "laptop-x86", "file/out: cannot be written"),
        ("x" * 300, "laptop-x86", "File name too long"),
        ("/".join(["x" * 200] * 25), "laptop-x86", "File name too long"),
        ("out", "file-in-the-way", "out/file-in-the-way: cannot be written"),
        ("out", "y" * 300, "has more than 100 characters"),
        ("out", "../elsewhere", "target '../elsewhere' is not a plain name"),
        ("out", "a/b", "target 'a/b' is not a plain name"),
        pytest.param(
            "/proc/out",
            "laptop-x86",
            "/proc/out: cannot be written",
            marks=pytest.mark.skipif(sys.platform != "linux", reason="a folder that even root cannot write to"),
        ),
    ],
)
def test_a_folder_that_cannot_be_written_is_refused_before_anything_is_measured(
    tinybert: Tinybert,
    onnx_artifact: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    out: str,
    target: str,
    message: str,
) -> None:
    (tmp_path / "file").write_text("in the way")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "file-in-the-way").write_text("in the way")
    before = sorted(tmp_path.rglob("*"))
    monkeypatch.setattr("bench.measurement.run_worker", lambda *_, **__: pytest.fail("it was measured"))
    code, stdout, errors = tinybert("bench", onnx_artifact, "--out", tmp_path / out, "--target", target)
    assert (code, stdout) == (2, "")
    assert message in errors.splitlines()[-1]
    assert errors.splitlines()[-1].startswith("error: ")
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_folder_is_refused(tinybert: Tinybert, onnx_artifact: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir(mode=0o500)
    code, _, errors = tinybert("bench", onnx_artifact, "--out", tmp_path / "out")
    assert code == 2
    assert "out: cannot be written (Permission denied)" in errors


@pytest.mark.parametrize("name", ["with spaces", "模型 é", "a'b\"c;$(d)", "-x"])
def test_folders_of_any_name_work(
    tinybert: Tinybert, onnx_artifact: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    onnx_artifact.parent.rename(tmp_path / name)
    artifact = Path(f"./{name}") / onnx_artifact.name
    code, out, errors = tinybert("bench", f"./{artifact}", "--out", f"./{name}/out", "--blocks", 1, "--sentences", 1)
    assert code == 0, errors
    assert out.splitlines()[-1] == f"{name}/out/laptop-x86"
    code, _, errors = tinybert("report", f"./{name}/out", "--out", f"./{name}/page.html")
    assert code == 0, errors


@pytest.mark.parametrize("name", ["n" * 100, "名" * 100])
def test_a_recipe_with_a_long_name_has_a_record(
    artifact_of: Callable[..., Path], scripted_session: MakeSchedule, tmp_path: Path, name: str
) -> None:
    schedule = scripted_session([artifact_of(name=name)])
    (path,) = run_schedule(schedule, tmp_path / "out")
    assert read_record(path).name == name
    assert path.parent == tmp_path / "out" / "laptop-x86"

"""`tinybert bench` as a user calls it, with a real ONNX model."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from bench.command import bench
from bench.record import read_record
from bench.session import measure_once
from bench.settings import Settings
from contract.errors import InputError

# What `pip install tinybert-edge[onnx]` does not bring.
ABSENT = (
    *("torch", "transformers", "datasets", "accelerate", "sklearn", "scipy", "altair", "jinja2", "onnx"),
    *("openvino", "nncf", "ai_edge_litert", "litert_torch", "tflite_runtime"),
)
REFUSE = f"""
import sys
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {ABSENT!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Refuse())
"""
SMALL = ("--blocks", "1", "--sentences", "4")


@pytest.fixture
def run() -> Callable[..., Any]:
    app = typer.Typer()
    app.command()(bench)

    def call(*arguments: object) -> Any:
        return CliRunner().invoke(app, [str(argument) for argument in arguments])

    return call


def test_an_artifact_and_its_teacher_in_one_session(
    run: Callable[..., Any], onnx_artifact: Path, run_folder: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    student, teacher = run_folder / "student-1", run_folder / "teacher-1"
    ended = run(onnx_artifact, teacher, "--student", student, "--out", out, *SMALL)
    assert ended.exit_code == 0, ended.output
    assert ended.stdout.splitlines()[-1] == str(out / "laptop-x86")
    artifact, reference = [
        read_record(next(out.rglob(f"made-up-{label}-*.json"))) for label in ("onnx-fp32", "teacher")
    ]
    assert artifact.session == reference.session
    assert artifact.quality is not None
    assert artifact.agreement["student"] == artifact.quality["accuracy"].value == 1
    assert artifact.drop is not None
    assert reference.quality is not None
    assert artifact.drop.value == pytest.approx(reference.quality["accuracy"].value - 1)
    assert (reference.agreement, reference.drop) == ({"teacher": 1.0}, None)
    assert all(words in ended.stdout for words in ("quality", "Accuracy", "100.0 %"))
    assert (reference.runtime, reference.kind, reference.precision) == ("pytorch", "teacher", "fp32")
    assert "torch" in reference.runtime_version
    assert len(artifact.infer_ns) == 4
    assert not list(out.rglob(".*.json*"))


def test_existing_records_are_used_again(onnx_artifact: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Settings(blocks=1, sentences_per_block=2)
    first = measure_once([onnx_artifact], out=tmp_path / "out", settings=settings)
    monkeypatch.setattr("bench.session.run_schedule", lambda *_: pytest.fail("measured again"))
    assert measure_once([onnx_artifact], out=tmp_path / "out", settings=settings) == first


def test_without_labels_there_is_no_quality(run: Callable[..., Any], onnx_artifact: Path, tmp_path: Path) -> None:
    ended = run(onnx_artifact, "--out", tmp_path / "out", "--json", *SMALL)
    assert ended.exit_code == 0, ended.output
    assert "onnx-fp32: found no student folder with its labels" in " ".join(ended.stderr.split())
    (path,) = json.loads(ended.stdout)["records"]
    record = read_record(Path(path))
    assert (record.examples, record.quality, record.statistics) == (None, None, None)
    assert record.outputs is not None


def test_labels_are_looked_for_near_the_artifacts(
    run: Callable[..., Any], onnx_artifact: Path, run_folder: Path, tmp_path: Path
) -> None:
    shutil.copytree(run_folder / "student-1", tmp_path / "student-1")
    ended = run(onnx_artifact, "--out", tmp_path / "out", "--json", *SMALL)
    (path,) = json.loads(ended.stdout)["records"]
    assert read_record(Path(path)).quality is not None


def test_the_onnx_extra_alone_is_enough(onnx_artifact: Path, tmp_path: Path) -> None:
    (tmp_path / "absent").mkdir()
    (tmp_path / "absent" / "sitecustomize.py").write_text(REFUSE, encoding="utf-8")
    code = "import typer; from bench.command import bench; typer.run(bench)"
    arguments = [str(onnx_artifact), "--out", str(tmp_path / "out"), *SMALL]
    ended = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env={**os.environ, "PYTHONPATH": str(tmp_path / "absent")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    assert list((tmp_path / "out").rglob("made-up-onnx-fp32-*.json"))


def test_one_changed_byte_is_an_input_error(run: Callable[..., Any], onnx_artifact: Path, tmp_path: Path) -> None:
    data = bytearray((onnx_artifact / "model.onnx").read_bytes())
    data[len(data) // 2] ^= 1
    (onnx_artifact / "model.onnx").write_bytes(data)
    ended = run(onnx_artifact, "--out", tmp_path / "out")
    assert isinstance(ended.exception, InputError)
    assert "model.onnx: its SHA-256 is not the one of its manifest" in str(ended.exception)
    assert not list(tmp_path.glob("out/*"))

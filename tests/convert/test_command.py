"""The output of `tinybert convert` for finished artifacts."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import typer
from typer.testing import CliRunner, Result

from contract.errors import InputError
from convert import command
from convert.command import default_folder
from convert.quality import find_doubts
from infer.folders.artifact import read_artifact
from infer.folders.student import read_evaluation
from infer.metrics.counts import ACCURACY
from infer.metrics.format import metric_interval
from infer.tasks import constant


def convert(*arguments: object) -> Result:
    app = typer.Typer()
    app.command()(command.convert)
    return CliRunner().invoke(app, [str(argument) for argument in arguments], catch_exceptions=False)


@pytest.fixture
def arguments(artifacts: Path, student: Path) -> list[object]:
    return [student, "--target", "laptop-x86-vnni", "--out", artifacts.parent]


def test_the_last_line_is_the_folder(artifacts: Path, arguments: list[object]) -> None:
    result = convert(*arguments)
    assert result.exit_code == 0
    assert result.stdout.splitlines()[-1] == str(artifacts)
    assert "openvino int8" in result.stdout
    first, *warnings = result.stderr.splitlines()
    assert first == "Target laptop-x86-vnni: laptop-x86-vnni was asked for"
    assert all(line.startswith("warning: ") and "is not shown to be better" in line for line in warnings)


def test_a_model_that_is_no_better_than_the_majority_is_named(
    artifacts: Path, student: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folders = [artifacts / "onnx-fp32", artifacts / "onnx-int8"]
    labels = read_evaluation(student).labels
    majority = np.bincount(labels.values).max() / len(labels)
    values = {folder: metric_interval(ACCURACY, read_artifact(folder).quality.value) for folder in folders}
    expected = {
        folder: f"{folder.name.replace('-', ' ')}, at {value}, is not shown to be better than always giving the most "
        f"frequent label, at Accuracy {100 * majority:.1f} %"
        for folder, value in values.items()
    }
    collapsed = [folder for folder in folders if read_artifact(folder).quality.value.low <= majority]
    assert find_doubts(student, folders) == [expected[folder] for folder in collapsed]
    monkeypatch.setattr(constant, "is_better", lambda *_: False)
    assert find_doubts(student, folders) == list(expected.values())
    monkeypatch.setattr("convert.quality.identity", lambda _: "of another student")
    assert find_doubts(student, folders) == []


def test_json_is_all_of_stdout(artifacts: Path, arguments: list[object]) -> None:
    output = json.loads(convert(*arguments, "--runtime", "onnx", "--precision", "int8", "--json").stdout)
    artifact = read_artifact(artifacts / "onnx-int8")
    assert output == {
        "folder": str(artifacts),
        "artifacts": [
            {
                "artifact": str(artifacts / "onnx-int8"),
                "runtime": "onnx",
                "precision": "int8",
                "model_size_bytes": artifact.model_size_bytes,
                "parity": artifact.parity.model_dump(),
                "quality": artifact.quality.model_dump(),
            }
        ],
    }


def test_artifacts_of_another_student_are_not_replaced(artifacts: Path, student: Path, tmp_path: Path) -> None:
    other = tmp_path / "student"
    shutil.copytree(student, other)
    manifest = json.loads((other / "student.json").read_text())
    (other / "student.json").write_text(json.dumps({**manifest, "seed": 5}))
    before = {path: path.stat().st_mtime_ns for path in artifacts.rglob("*")}
    with pytest.raises(InputError, match=r"was made from a different student: choose another --out, or delete it"):
        convert(other, "--target", "laptop-x86-vnni", "--out", artifacts.parent)
    assert {path: path.stat().st_mtime_ns for path in artifacts.rglob("*")} == before


def test_offers_are_printed_with_their_reasons(student: Path) -> None:
    result = convert(student, "--target", "raspberry-pi-4", "--offers")
    lines = result.stdout.splitlines()
    assert "onnx int8: no 8-bit dot product: may be no faster than fp32" in lines
    assert any(line.startswith("onnx int4-weight: ") and line.endswith("(not offered)") for line in lines)
    output = json.loads(convert(student, "--target", "raspberry-pi-4", "--offers", "--json").stdout)
    assert output == {"target": "raspberry-pi-4", "offers": lines}


def test_the_model_size_excludes_the_sentences(artifacts: Path) -> None:
    folder = artifacts / "tflite-int8"
    on_disk = sum((folder / name).stat().st_size for name in ("model.tflite", "tokenizer.json"))
    assert read_artifact(folder).model_size_bytes == on_disk


def test_the_default_folder_is_next_to_the_student() -> None:
    assert default_folder(Path("runs/a/student-1")) == Path("runs/a/artifacts/student-1").absolute()

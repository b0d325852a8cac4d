"""The conversion stage as users see it: finished artifacts are kept, and a failure does not stop the others."""

import shutil
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from contract.tokens import Tokens
from convert import build, process
from convert.build import ConversionError
from infer.folders.graph import encoder
from infer.folders.model import Model
from infer.folders.student import read_evaluation
from infer.outputs import Outputs, of_logits
from infer.worker import client
from infer.worker.client import outputs_of
from targets.profile import Profile

Seal = Callable[..., None]
Spoil = Callable[[Path, Seal], None]
Run = Callable[[Model, Tokens], Outputs]

# A converter that writes a file instead of a model, and is killed for one variant.
STAND_IN = """
import json, os, pathlib, signal, sys
job = json.load(sys.stdin)
if f"{job['variant']['runtime']}-{job['variant']['precision']}" == FAULT:
    os.kill(os.getpid(), signal.SIGKILL)
print("noise", file=sys.stderr)
pathlib.Path(job["destination"], "model.bin").write_text("a model")
json.dump({"exported": {"graph": GRAPH}}, sys.stdout)
"""
GRAPH = asdict(encoder("model.bin", columns=2, by_token=False))


def stand_in(fault: str = "") -> tuple[str, ...]:
    return (sys.executable, "-c", STAND_IN.replace("FAULT", repr(fault)).replace("GRAPH", repr(GRAPH)))


def flip_a_byte(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def convert_student(student: Path, profile: Profile, *, run: Run = outputs_of, **wanted: Any) -> list[Path]:
    """Convert with a stand-in for running models."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(client, "outputs_of", run)
        return build.convert_student(student, profile, **wanted)


def never(_model: Model, _tokens: Tokens) -> Outputs:
    raise AssertionError("nothing should be converted")


def outputs_like(student: Path, factor: float = 1.0) -> Run:
    reference_NC = read_evaluation(student).student.logits.values
    return lambda _model, tokens: of_logits(reference_NC[: len(tokens)] * np.float32(factor))


def names(folders: list[Path]) -> list[str]:
    return [folder.name for folder in folders]


def test_finished_artifacts_are_kept(
    artifacts: Path, student: Path, profile: Profile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "COMMAND", ("no-such-command",))
    before = {path: path.stat().st_mtime_ns for path in artifacts.rglob("*")}
    folders = convert_student(student, profile, out=artifacts.parent, run=never)
    assert names(folders) == [
        "onnx-fp32",
        "onnx-int8",
        "openvino-fp32",
        "openvino-int8",
        "tflite-fp32",
        "tflite-int8",
    ]
    assert {path: path.stat().st_mtime_ns for path in artifacts.rglob("*")} == before


def test_a_changed_artifact_is_converted_again_from_the_finished_one(
    artifacts: Path, student: Path, profile: Profile, tmp_path: Path
) -> None:
    out = Path(shutil.copytree(artifacts.parent, tmp_path / "artifacts"))
    changed = out / profile.name / "onnx-int8" / "model.onnx"
    flip_a_byte(changed)
    checked: list[Path] = []

    def run(model: Model, tokens: Tokens) -> Outputs:
        checked.append(model.folder)
        return outputs_of(model, tokens)

    convert_student(student, profile, out=out, run=run)
    assert {folder.name for folder in checked} == {"onnx-int8"}
    assert changed.read_bytes() == (artifacts / "onnx-int8" / "model.onnx").read_bytes()
    assert sorted(path.name for path in (out / profile.name).iterdir()) == sorted(
        path.name for path in artifacts.iterdir()
    )


@pytest.mark.parametrize(
    ("fault", "failed"),
    [
        ("openvino-int8", ["openvino-int8"]),
        ("onnx-fp32", ["onnx-fp32", "onnx-int8"]),
    ],
)
def test_a_crash_only_stops_variants_made_from_the_model(
    student: Path,
    profile: Profile,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    fault: str,
    failed: list[str],
) -> None:
    monkeypatch.setattr(process, "COMMAND", stand_in(fault))
    with pytest.raises(ConversionError, match=f"{fault}: the converter was ended by SIGKILL") as caught:
        convert_student(student, profile, out=tmp_path / "out", run=outputs_like(student))
    assert caught.value.exit_code == 4
    assert "\n" not in str(caught.value)
    assert [folder.name for folder in caught.value.failures] == failed
    finished = names(caught.value.finished)
    variants = [f"{runtime}-{precision}" for runtime in profile.runtimes for precision in ("fp32", "int8")]
    assert sorted(finished + failed) == sorted(variants)
    assert sorted(path.name for path in (tmp_path / "out" / profile.name).iterdir()) == sorted(finished)
    assert "noise" not in capfd.readouterr().err

    monkeypatch.setattr(process, "COMMAND", stand_in())
    assert len(convert_student(student, profile, out=tmp_path / "out", run=outputs_like(student))) == 6


def test_a_model_that_differs_from_the_student_is_not_written(
    student: Path, profile: Profile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "COMMAND", stand_in())
    with pytest.raises(ConversionError, match="onnx-fp32: its logits differ from the student's by"):
        convert_student(student, profile, out=tmp_path / "out", run=outputs_like(student, 1.01), runtimes=["onnx"])
    assert not (tmp_path / "out" / profile.name).exists()


def test_int8_alone_does_not_keep_fp32(
    student: Path, profile: Profile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "COMMAND", stand_in())
    folders = convert_student(student, profile, out=tmp_path, run=outputs_like(student), precisions=["int8"])
    assert names(folders) == ["onnx-int8", "openvino-int8", "tflite-int8"]
    assert sorted(path.name for path in (tmp_path / profile.name).iterdir()) == names(folders)


def test_unreadable_weights_are_an_error_of_one_line(
    changeable: Path, seal: Seal, profile: Profile, tmp_path: Path
) -> None:
    header = b'{"__metadata__": {"number": 1}}'  # only the library itself looks into it
    (changeable / "model.safetensors").write_bytes(len(header).to_bytes(8, "little") + header)
    seal(changeable)
    with pytest.raises(ConversionError, match=r"onnx-fp32: .*: cannot be loaded .* \(SafetensorError: ") as caught:
        convert_student(changeable, profile, out=tmp_path / "out", run=never, runtimes=["onnx"], precisions=["fp32"])
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "out" / profile.name).exists()


@pytest.mark.parametrize(
    ("runtime", "operation"), [("onnx", "aten::expm1"), pytest.param("tflite", "tfl.add", marks=pytest.mark.slow)]
)
def test_an_unsupported_operation_is_named_and_other_runtimes_are_converted(
    odd_student: Path, profile: Profile, tmp_path: Path, runtime: str, operation: str
) -> None:
    with pytest.raises(ConversionError) as error:
        convert_student(
            odd_student,
            profile,
            out=tmp_path / "artifacts",
            runtimes=[runtime, "openvino"],
            precisions=["fp32"],
        )
    assert operation in error.value.cause
    assert "--runtime" in error.value.cause
    assert error.value.exit_code == 4
    assert [path.name for path in tmp_path.glob("artifacts/*/*")] == ["openvino-fp32"]

"""The conversion stage as a user meets it: found again, one failure among others, input it refuses."""

import shutil
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from contract.errors import InputError
from contract.lock import locked
from contract.tokens import Tokens, from_rows, read_tokens, write_tokens
from convert import build, child, converter
from convert.build import ConversionError
from infer.folders.graph import encoder
from infer.folders.model import Model
from infer.folders.student import CALIBRATION, EVALUATION, read_evaluation
from infer.outputs import Outputs, of_logits
from infer.worker import client
from infer.worker.client import outputs_of
from targets.profile import Profile

Seal = Callable[..., None]
Spoil = Callable[[Path, Seal], None]
Run = Callable[[Model, Tokens], Outputs]

# A converter that writes a file and calls it a model; faults are told by what it is asked to make.
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


def convert_student(student: Path, profile: Profile, *, run: Run = outputs_of, **wanted: Any) -> list[Path]:
    """Convert with a stand-in for what runs a model."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(client, "outputs_of", run)
        return build.convert_student(student, profile, **wanted)


def never(_model: Model, _tokens: Tokens) -> Outputs:
    raise AssertionError("nothing was to be converted")


def answers_as(student: Path, factor: float = 1.0) -> Run:
    reference_NC = read_evaluation(student).student.logits.values
    return lambda _model, tokens: of_logits(reference_NC[: len(tokens)] * np.float32(factor))


def names(folders: list[Path]) -> list[str]:
    return [folder.name for folder in folders]


def test_finished_artifacts_are_found(
    artifacts: Path, student: Path, profile: Profile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(child, "COMMAND", ("no-such-command",))
    before = {path: path.stat().st_mtime_ns for path in artifacts.rglob("*")}
    found = convert_student(student, profile, out=artifacts.parent, run=never)
    assert names(found) == [
        "onnx-fp32",
        "onnx-int8",
        "openvino-fp32",
        "openvino-int8",
        "tflite-fp32",
        "tflite-int8",
    ]
    assert {path: path.stat().st_mtime_ns for path in artifacts.rglob("*")} == before


def test_a_changed_artifact_is_made_again_from_the_finished_one(
    artifacts: Path, student: Path, profile: Profile, tmp_path: Path
) -> None:
    out = Path(shutil.copytree(artifacts.parent, tmp_path / "artifacts"))
    changed = out / profile.name / "onnx-int8" / "model.onnx"
    flip_a_byte(changed)
    run_for: list[Path] = []

    def run(model: Model, tokens: Tokens) -> Outputs:
        run_for.append(model.folder)
        return outputs_of(model, tokens)

    convert_student(student, profile, out=out, run=run)
    assert {folder.name for folder in run_for} == {"onnx-int8"}
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
def test_a_crash_stops_only_what_needs_it(
    student: Path,
    profile: Profile,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    fault: str,
    failed: list[str],
) -> None:
    monkeypatch.setattr(child, "COMMAND", stand_in(fault))
    with pytest.raises(ConversionError, match=f"{fault}: the converter was ended by SIGKILL") as caught:
        convert_student(student, profile, out=tmp_path / "out", run=answers_as(student))
    assert caught.value.exit_code == 4
    assert "\n" not in str(caught.value)
    assert [folder.name for folder in caught.value.failures] == failed
    finished = names(caught.value.finished)
    assert sorted(finished + failed) == sorted(f"{one}-{two}" for one in profile.runtimes for two in ("fp32", "int8"))
    assert sorted(path.name for path in (tmp_path / "out" / profile.name).iterdir()) == sorted(finished)
    assert "noise" not in capfd.readouterr().err

    monkeypatch.setattr(child, "COMMAND", stand_in())
    assert len(convert_student(student, profile, out=tmp_path / "out", run=answers_as(student))) == 6


def test_a_model_that_is_not_the_student_is_not_written(
    student: Path, profile: Profile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(child, "COMMAND", stand_in())
    with pytest.raises(ConversionError, match="onnx-fp32: its logits differ from the student's by"):
        convert_student(student, profile, out=tmp_path / "out", run=answers_as(student, 1.01), runtimes=["onnx"])
    assert not (tmp_path / "out" / profile.name).exists()


def test_int8_alone_is_made_without_keeping_fp32(
    student: Path, profile: Profile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(child, "COMMAND", stand_in())
    made = convert_student(student, profile, out=tmp_path, run=answers_as(student), precisions=["int8"])
    assert names(made) == ["onnx-int8", "openvino-int8", "tflite-int8"]
    assert sorted(path.name for path in (tmp_path / profile.name).iterdir()) == names(made)


def test_weights_that_cannot_be_read_are_an_error_of_one_line(
    changeable: Path, seal: Seal, profile: Profile, tmp_path: Path
) -> None:
    (changeable / "model.safetensors").write_bytes(b"not weights")
    seal(changeable)
    with pytest.raises(ConversionError, match=r"onnx-fp32: the converter failed \(SafetensorError: ") as caught:
        convert_student(changeable, profile, out=tmp_path / "out", run=never, runtimes=["onnx"], precisions=["fp32"])
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "out" / profile.name).exists()


def flip_a_byte(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def calibrate_on(*rows: list[int]) -> Spoil:
    def spoil(student: Path, seal: Seal) -> None:
        write_tokens(student / CALIBRATION, from_rows(rows, [[0] * len(row) for row in rows]))
        seal(student)

    return spoil


def calibrate_on_evaluation(student: Path, seal: Seal) -> None:
    write_tokens(student / CALIBRATION, read_evaluation(student).tokens.take([5]))
    seal(student)


def leave_out_calibration(student: Path, seal: Seal) -> None:
    (student / CALIBRATION).unlink()
    seal(student)


def evaluate_with(**arrays: NDArray[Any] | None) -> Spoil:
    """Give the evaluation other arrays; None leaves one out."""

    def spoil(student: Path, seal: Seal) -> None:
        tokens, found = read_tokens(student / EVALUATION)
        changed = {**found, **arrays}
        write_tokens(student / EVALUATION, tokens, **{name: one for name, one in changed.items() if one is not None})
        seal(student)

    return spoil


def break_tokenizer(student: Path, seal: Seal) -> None:
    (student / "tokenizer.json").write_text('{"version": "1.0"}')
    seal(student)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (break_tokenizer, "tokenizer.json: not a tokenizer"),
        (evaluate_with(**{"labels.values": None}), "evaluation.npz: has no labels or no logits"),
        (
            evaluate_with(**{"labels.values": np.full(80, 7)}),
            "evaluation.npz: label out of range: the model has 2 classes",
        ),
        (
            evaluate_with(**{"labels.values": np.zeros(3, np.int64)}),
            "evaluation.npz: its labels and logits do not match its sentences",
        ),
        (lambda student, seal: (student / "config.json").unlink(), "config.json: missing or not a regular file"),
        (lambda student, seal: flip_a_byte(student / "model.safetensors"), "SHA-256 is not the one of its manifest"),
        (lambda student, seal: (student / "student.json").unlink(), "no student.json, so not a finished folder"),
        (leave_out_calibration, "its manifest lists no calibration.npz"),
        (calibrate_on(), "holds no calibration sentences"),
        (calibrate_on([2, 9, 3], [0, 0, 0]), "sentence 1 holds no text, only padding or special tokens"),
        (calibrate_on([2, 999, 3]), "has token ids beyond the 100 of the student's tokenizer, so they are another's"),
        (calibrate_on([2, 3]), "sentence 0 holds no text, only padding or special tokens"),
        (calibrate_on_evaluation, "sentence 0 is also in the evaluation split"),
        (
            lambda student, seal: seal(student, max_length_tokens=200),
            "longest length bucket, 128 tokens, is shorter than the student's longest sentence, 200 tokens",
        ),
    ],
)
def test_a_student_that_cannot_be_used_is_refused(
    changeable: Path, seal: Seal, profile: Profile, tmp_path: Path, spoil: Spoil, message: str
) -> None:
    spoil(changeable, seal)
    with pytest.raises(InputError, match=message) as caught:
        convert_student(changeable, profile, out=tmp_path / "out", run=never)
    assert caught.value.exit_code == 2
    assert caught.value.cure
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (
            {"runtimes": ["onx"]},
            "target laptop-x86-vnni does not offer runtime 'onx', did you mean 'onnx'?: "
            "it offers: onnx, openvino, tflite",
        ),
        (
            {"precisions": ["int4-weigth"]},
            "target laptop-x86-vnni does not offer precision 'int4-weigth', did you mean 'int4-weight'?: "
            "it offers: fp32, fp16, int8, int8-static, int8-weight, int4-weight",
        ),
        (
            {"precisions": ["fp16"], "runtimes": ["onnx"]},
            "target laptop-x86-vnni does not offer precision 'fp16' (onnx: ONNX Runtime's processor kernels for BERT "
            "are fp32; half precision is cast back and forth): "
            "it offers: fp32, int8, int8-static, int8-weight, int4-weight",
        ),
    ],
)
def test_what_the_target_does_not_offer_is_refused(
    student: Path, profile: Profile, tmp_path: Path, asked: dict[str, list[str]], message: str
) -> None:
    with pytest.raises(InputError) as caught:
        convert_student(student, profile, out=tmp_path / "out", run=never, **asked)
    assert str(caught.value) == message
    assert not (tmp_path / "out").exists()


def test_a_missing_library_names_its_extra(
    student: Path, profile: Profile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(converter, "find_spec", lambda name: None if name == "nncf" else object())
    with pytest.raises(InputError, match=r"nncf is not installed: run: pip install 'tinybert-edge\[convert\]'"):
        convert_student(student, profile, out=tmp_path / "out", run=never)
    assert not (tmp_path / "out").exists()


def test_a_folder_that_is_no_artifact_is_left(student: Path, profile: Profile, tmp_path: Path) -> None:
    thesis = tmp_path / profile.name / "onnx-fp32" / "thesis.txt"
    thesis.parent.mkdir(parents=True)
    thesis.write_text("mine")
    with pytest.raises(InputError, match="onnx-fp32: not an artifact: choose another --out"):
        convert_student(student, profile, out=tmp_path, run=never)
    assert thesis.read_text() == "mine"


def test_a_folder_in_use_is_refused(student: Path, profile: Profile, tmp_path: Path) -> None:
    with locked(tmp_path / profile.name), pytest.raises(InputError, match="in use by another run"):
        convert_student(student, profile, out=tmp_path, run=never)


@pytest.mark.parametrize(
    ("runtime", "operation"), [("onnx", "aten::expm1"), pytest.param("tflite", "tfl.add", marks=pytest.mark.slow)]
)
def test_an_operation_that_a_runtime_lacks_is_named_and_others_are_made(
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

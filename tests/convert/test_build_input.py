"""Input that the conversion stage rejects before it converts anything."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from contract.errors import InputError
from contract.lock import locked
from contract.tokens import from_rows, read_tokens, write_tokens
from convert import build, converter
from convert.build import convert_student
from infer.folders.student import CALIBRATION, EVALUATION, read_evaluation
from targets.profile import Profile

Seal = Callable[..., None]
Spoil = Callable[[Path, Seal], None]


@pytest.fixture(autouse=True)
def _no_conversion(monkeypatch: pytest.MonkeyPatch) -> None:
    def convert_variants(*_: object) -> None:
        raise AssertionError("nothing should be converted")

    monkeypatch.setattr(build, "convert_variants", convert_variants)


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


def remove_calibration(student: Path, seal: Seal) -> None:
    (student / CALIBRATION).unlink()
    seal(student)


def evaluate_with(**arrays: NDArray[Any] | None) -> Spoil:
    """Replace arrays of the evaluation; None removes an array."""

    def spoil(student: Path, seal: Seal) -> None:
        tokens, others = read_tokens(student / EVALUATION)
        changed = {name: array for name, array in {**others, **arrays}.items() if array is not None}
        write_tokens(student / EVALUATION, tokens, **changed)
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
        (remove_calibration, "its manifest lists no calibration.npz"),
        (calibrate_on(), "contains no calibration sentences"),
        (calibrate_on([2, 9, 3], [0, 0, 0]), "sentence 1 has no text, only padding or special tokens"),
        (calibrate_on([2, 999, 3]), "has token ids outside the model's vocabulary of 100, so from another tokenizer"),
        (calibrate_on([2, 3]), "sentence 0 has no text, only padding or special tokens"),
        (calibrate_on_evaluation, "sentence 0 is also in the evaluation split"),
        (
            lambda student, seal: seal(student, max_length_tokens=200),
            "longest length bucket, 128 tokens, is shorter than the student's longest sentence, 200 tokens",
        ),
    ],
)
def test_an_unusable_student_is_rejected(
    changeable: Path, seal: Seal, profile: Profile, tmp_path: Path, spoil: Spoil, message: str
) -> None:
    spoil(changeable, seal)
    with pytest.raises(InputError, match=message) as caught:
        convert_student(changeable, profile, out=tmp_path / "out")
    assert caught.value.exit_code == 2
    assert caught.value.cure
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("requested", "message"),
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
            "target laptop-x86-vnni does not offer precision 'fp16' (onnx: ONNX Runtime's CPU kernels for BERT are "
            "fp32; half precision would be cast back and forth): "
            "it offers: fp32, int8, int8-static, int8-weight, int4-weight",
        ),
    ],
)
def test_what_the_target_does_not_offer_is_rejected(
    student: Path, profile: Profile, tmp_path: Path, requested: dict[str, list[str]], message: str
) -> None:
    with pytest.raises(InputError) as caught:
        convert_student(student, profile, out=tmp_path / "out", **requested)
    assert str(caught.value) == message
    assert not (tmp_path / "out").exists()


def test_a_missing_library_names_its_extra(
    student: Path, profile: Profile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(converter, "find_spec", lambda name: None if name == "nncf" else object())
    with pytest.raises(
        InputError,
        match=r"nncf is not installed: in a clone of tinybert-edge, run pip install -c constraints.txt '.\[convert\]'",
    ):
        convert_student(student, profile, out=tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_folder_that_is_not_an_artifact_is_kept(student: Path, profile: Profile, tmp_path: Path) -> None:
    thesis = tmp_path / profile.name / "onnx-fp32" / "thesis.txt"
    thesis.parent.mkdir(parents=True)
    thesis.write_text("mine")
    with pytest.raises(InputError, match="onnx-fp32: not an artifact: choose another --out"):
        convert_student(student, profile, out=tmp_path)
    assert thesis.read_text() == "mine"


def test_a_folder_in_use_is_rejected(student: Path, profile: Profile, tmp_path: Path) -> None:
    with locked(tmp_path / profile.name), pytest.raises(InputError, match="in use by another run"):
        convert_student(student, profile, out=tmp_path)

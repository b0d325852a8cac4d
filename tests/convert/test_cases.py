"""A teacher with one large row in its embedding, which once made every int8 answer of ONNX Runtime the same.

The folder of these cases is TINYBERT_CASES, or shared/cases beside the checkout.
"""

import shutil
from pathlib import Path

import pytest

from infer.folders.artifact import read_artifact
from tests.conftest import Tinybert
from tests.distill.test_cases import CASES

pytestmark = [
    pytest.mark.data,
    pytest.mark.skipif(not CASES.is_dir(), reason="no folder of cases; name it by TINYBERT_CASES"),
    pytest.mark.usefixtures("in_process"),
]


def test_int8_answers_as_the_student_with_one_large_row(
    tmp_path: Path, tinybert: Tinybert, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(CASES / "int8-one-large-row", tmp_path / "case")
    monkeypatch.chdir(tmp_path / "case")
    code, out, err = tinybert("distill", "recipe.toml", "--data", ".", "--out", tmp_path / "out")
    assert code == 0, err
    student = out.splitlines()[-1]
    arguments = ["convert", student, "--target", "laptop-x86-vnni", "--out", tmp_path / "artifacts"]
    code, _, err = tinybert(*arguments, "--runtime", "onnx", "--precision", "int8")
    assert code == 0, err
    assert read_artifact(tmp_path / "artifacts" / "laptop-x86-vnni" / "onnx-int8").parity.agreement == 1

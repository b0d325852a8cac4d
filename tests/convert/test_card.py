"""The card in an artifact folder says how to use it, what was measured, and its limits."""

import re
from pathlib import Path

import pytest

from convert.card import markdown
from infer.folders.artifact import CARD, read_artifact
from infer.folders.student import read_student
from targets.profile import read


@pytest.mark.parametrize("variant", ["onnx-int8", "openvino-fp32", "tflite-int8"])
def test_the_card_has_the_manifests_numbers(artifacts: Path, variant: str) -> None:
    artifact, card = read_artifact(artifacts / variant), (artifacts / variant / CARD).read_text(encoding="utf-8")
    value = artifact.quality.value
    assert f"| Accuracy | {value.value:.3f} ({value.low:.3f} to {value.high:.3f}) |" in card
    assert f"The answers to\n{artifact.parity.agreement:.1%} of the sentences are the student's." in card
    assert f"cut at {artifact.tokenizer.max_length_tokens} tokens" in card
    assert f"tinybert-edge[{artifact.runtime}]" in card
    assert CARD in artifact.files


def test_its_python_runs(artifacts: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(artifacts / "onnx-int8")
    (code,) = re.findall(r"```python\n(.*?)```", Path(CARD).read_text(encoding="utf-8"), re.DOTALL)
    exec(code, {})


@pytest.mark.parametrize("doubt", ["", "the model, at Accuracy 50.0 %, is not shown to be better than always …"])
def test_a_doubt_stands_beside_the_numbers(artifacts: Path, student: Path, doubt: str) -> None:
    artifact = read_artifact(artifacts / "onnx-int8")
    profile = read("laptop-x86-vnni")
    card = markdown(read_student(student), profile, artifact.variant, artifact.parity, artifact.quality, doubt)
    assert (f"\n\n**Note**: {doubt}.\n\nLimits: " in card) == bool(doubt)
    assert ("Note" in card) == bool(doubt)
    assert "\n\n\n" not in card

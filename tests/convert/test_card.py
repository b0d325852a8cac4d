"""The card in an artifact folder says how to use it, what was measured, and its limits."""

import re
from pathlib import Path

import pytest

from infer.folders.artifact import CARD, read_artifact


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

"""Artifacts that version 0.1.0 wrote in layout 1, of a student of one layer with random weights: they still serve."""

from pathlib import Path

import numpy as np
import pytest

from bench.model_folder import read_model_folder
from bench.record import read_record
from bench.schedule import make_schedule
from bench.session import run_schedule
from bench.settings import Settings
from infer.folders.artifact import read_artifact
from infer.folders.graph import ROLES
from infer.shipping.verify import verify
from infer.tasks import classification
from infer.worker import client
from infer.worker.job import WarmUp

LAYOUT_1 = Path(__file__).parent / "layout_1"
WHOLE = {
    # What that version answered to the first sentences.
    "onnx-int8": [[-0.06154, -0.20819], [-0.06648, -0.20938], [-0.06571, -0.20912], [-0.05954, -0.20768]],
    "tflite-int8": [[-0.06168, -0.20855], [-0.06756, -0.20916], [-0.06687, -0.20742], [-0.06101, -0.20791]],
}
SETTINGS = Settings(blocks=1, sentences_per_block=2, warm_up=WarmUp(calls=2, lasting_ns=1, cap_ns=100_000_000))


@pytest.mark.parametrize("name", ["onnx-int8", "openvino-fp32", "tflite-int8"])
def test_it_is_read_as_a_graph(name: str) -> None:
    artifact = read_artifact(LAYOUT_1 / name)
    assert artifact.schema_version == 2
    assert artifact.task == classification.Settings(labels=("bad", "good"))
    assert (artifact.tokenizer.file, artifact.tokenizer.max_length_tokens) == ("tokenizer.json", 24)
    assert [tensor.role for tensor in artifact.graph.inputs] == [*ROLES]
    (logits,) = artifact.graph.outputs
    if artifact.runtime == "tflite":
        assert (artifact.graph.file, artifact.graph.entry) == ("model.tflite", "seq{source}")
        assert [tensor.name for tensor in artifact.graph.inputs] == ["args_0", "args_1", "args_2"]
        assert {tensor.dtype for tensor in artifact.graph.inputs} == {"int32"}
        assert (logits.name, logits.axes) == ("output_0", (1, 2))
        assert artifact.graph.lengths == {"source": (16, 24)}
    else:
        assert [tensor.name for tensor in artifact.graph.inputs] == [*ROLES]
        assert {tensor.dtype for tensor in artifact.graph.inputs} == {"int64"}
        assert (logits.name, logits.axes) == ("logits", ("batch", 2))
        assert artifact.graph.lengths == {}


@pytest.mark.parametrize("name", WHOLE)
def test_it_is_verified_and_answers_as_before(name: str) -> None:
    verify(LAYOUT_1 / name)
    folder = read_model_folder(LAYOUT_1 / name)
    assert folder.model.pad_id == 0
    tokens = folder.tokens().take(range(4))
    logits_NC = client.outputs_of(folder.model, tokens).logits.values
    np.testing.assert_allclose(logits_NC, WHOLE[name], atol=0.01)  # processors round int8 differently


def test_it_is_benched(tmp_path: Path) -> None:
    schedule = make_schedule([LAYOUT_1 / name for name in WHOLE], target=None, student=None, settings=SETTINGS)
    records = [read_record(path) for path in run_schedule(schedule, tmp_path)]
    assert [record.runtime for record in records] == ["onnx", "tflite"]

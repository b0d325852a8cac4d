"""ONNX int8 on processors with and without the 8-bit dot product."""

from pathlib import Path

import numpy as np
import onnx as library
import onnxruntime
import pytest
from numpy.typing import NDArray
from onnx import numpy_helper

from contract.tokens import from_rows, read_tokens
from convert import onnx
from convert.converter import Exported
from infer.folders.artifact import EVALUATION, read_artifact
from infer.folders.graph import ROLES
from infer.folders.variant import Variant
from targets.profile import Precision, RuntimeName, read


def _quantise(artifacts: Path, folder: Path, target: str) -> Path:
    fp32 = read_artifact(artifacts / "onnx-fp32")
    exported = Exported(graph=fp32.graph)
    variant = Variant(runtime=RuntimeName.ONNX, precision=Precision.INT8)
    no_rows = from_rows([], [])
    onnx.quantize(artifacts / "onnx-fp32", exported, folder, variant=variant, profile=read(target), calibration=no_rows)
    return folder / "model.onnx"


@pytest.mark.parametrize(("target", "largest"), [("laptop-x86", 64), ("laptop-x86-vnni", 127), ("raspberry-pi-4", 127)])
def test_weights_have_seven_bits_if_eight_would_saturate(
    artifacts: Path, tmp_path: Path, target: str, largest: int
) -> None:
    model = library.load(_quantise(artifacts, tmp_path, target))
    products = {node.input[1] for node in model.graph.node if node.op_type == "MatMulInteger"}
    weights = [numpy_helper.to_array(tensor) for tensor in model.graph.initializer if tensor.name in products]
    assert {weight.dtype for weight in weights} == {np.dtype(np.int8)}
    assert max(int(np.abs(weight.astype(int)).max()) for weight in weights) == largest


def _logits(model: Path, artifacts: Path, *, exact: bool) -> NDArray[np.float32]:
    """Return logits with exact sums of 8-bit products, or with this processor's sums, which may saturate."""
    options = onnxruntime.SessionOptions()
    options.add_session_config_entry("session.x64quantprecision", str(int(exact)))
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    batch = read_tokens(artifacts / EVALUATION)[0].batch(range(16))
    arrays = (batch.input_ids_BL, batch.attention_mask_BL, batch.token_type_ids_BL)
    logits_BC: NDArray[np.float32] = session.run(None, dict(zip(ROLES, arrays, strict=True)))[0]
    return logits_BC


def test_seven_bits_give_the_same_logits_without_the_8_bit_dot_product(artifacts: Path, tmp_path: Path) -> None:
    """A processor with the instruction uses it in both cases; on others, 8-bit weights could give other logits."""
    model = _quantise(artifacts, tmp_path, "laptop-x86")
    exact_BC, default_BC = (_logits(model, artifacts / "onnx-fp32", exact=exact) for exact in (True, False))
    np.testing.assert_allclose(default_BC, exact_BC, atol=1e-5)

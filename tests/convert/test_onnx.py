"""ONNX int8 on processors with and without the 8-bit dot product."""

from pathlib import Path

import numpy as np
import onnx as library
import pytest
from onnx import numpy_helper

from contract.tokens import from_rows
from convert import onnx
from convert.converter import Made
from infer.folders.artifact import read_artifact
from infer.folders.variant import Variant
from targets.profile import Precision, RuntimeName, read


@pytest.mark.parametrize(("target", "largest"), [("laptop-x86", 64), ("laptop-x86-vnni", 127), ("raspberry-pi-4", 127)])
def test_weights_have_seven_bits_where_eight_would_saturate(
    artifacts: Path, tmp_path: Path, target: str, largest: int
) -> None:
    fp32 = read_artifact(artifacts / "onnx-fp32")
    made = Made(model_file=fp32.model_file, inputs=fp32.inputs, length_buckets_tokens=())
    variant = Variant(runtime=RuntimeName.ONNX, precision=Precision.INT8)
    nothing = from_rows([], [])
    onnx.quantize(artifacts / "onnx-fp32", made, tmp_path, variant=variant, profile=read(target), calibration=nothing)
    model = library.load(tmp_path / "model.onnx")
    products = {node.input[1] for node in model.graph.node if node.op_type == "MatMulInteger"}
    weights = [numpy_helper.to_array(one) for one in model.graph.initializer if one.name in products]
    assert {one.dtype for one in weights} == {np.dtype(np.int8)}
    assert max(int(np.abs(one.astype(int)).max()) for one in weights) == largest

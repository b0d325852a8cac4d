"""Embedding tables of ONNX models in 8 bits: each row keeps its own accuracy."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from convert.onnx_tables import quantize_tables

IDS = np.array([[0, 1, 2], [2, 1, 0]])


def write_model(path: Path, table_VD: NDArray[np.float32], names: tuple[str, ...]) -> Path:
    """Write a model that looks ids up in one table, once for each name."""
    nodes = [helper.make_node("Gather", ["table", "ids"], [name], name=name) for name in names]
    ids = helper.make_tensor_value_info("ids", TensorProto.INT64, ["batch", "length"])
    outputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in names]
    graph = helper.make_graph(nodes, "lookups", [ids], outputs, [numpy_helper.from_array(table_VD, "table")])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), str(path))
    return path


def look_up(path: Path) -> list[Any]:
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return list(session.run(None, {"ids": IDS}))


@given(width=st.integers(1, 600), largest=st.floats(1e-3, 1e6), seed=st.integers(0, 9))
def test_a_row_is_as_accurate_whatever_is_in_the_others(
    tmp_path_factory: Any, width: int, largest: float, seed: int
) -> None:
    table_VD = np.random.default_rng(seed).standard_normal((3, width)).astype(np.float32)
    table_VD[0] *= largest
    table_VD[1] = 0
    path = write_model(tmp_path_factory.mktemp("tables") / "model.onnx", table_VD, ("rows",))
    assert quantize_tables(path, ()) == 1
    (rows_BLD,) = look_up(path)
    half_steps_V1 = np.abs(table_VD).max(axis=1, keepdims=True) / 127 / 2
    assert (np.abs(rows_BLD - table_VD[IDS]) <= half_steps_V1[IDS] * 1.001).all()


def test_a_table_is_stored_once_and_stays_in_float_for_those_who_keep_it(tmp_path: Path) -> None:
    table_VD = np.linspace(-1, 1, 3 * 32, dtype=np.float32).reshape(3, 32)
    path = write_model(tmp_path / "model.onnx", table_VD, ("first", "second", "kept"))
    assert quantize_tables(path, ["kept"]) == 1
    first_BLD, second_BLD, kept_BLD = look_up(path)
    np.testing.assert_array_equal(first_BLD, second_BLD)
    np.testing.assert_array_equal(kept_BLD, table_VD[IDS])
    assert len(onnx.load(path).graph.initializer) == 3

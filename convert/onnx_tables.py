"""Quantise the embedding tables of an ONNX model: 8 bits, each row with its own scale."""

from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np

ZERO = 128  # what GatherBlockQuantized takes for zero if no zero points are given
LARGEST = 127
SMALLEST_BLOCK = 16  # of GatherBlockQuantized, whose blocks have a power of two of weights


def quantize_tables(path: Path, excluded: Collection[str]) -> int:
    """Quantise, in place, every table that rows are gathered from.

    The quantisers of ONNX Runtime give a whole table one scale: a single row with large weights, even of a token that
    never occurs, would round the others to zero. Symmetric, scale = largest absolute weight of the row / 127.

    Args:
        path: the model.
        excluded: names of nodes whose tables stay in float.

    Returns:
        The number of tables.
    """
    import onnx

    model = onnx.load(str(path))
    tables = {tensor.name: tensor for tensor in model.graph.initializer if _is_table(tensor)}
    lookups = [
        node
        for node in model.graph.node
        if node.op_type == "Gather" and node.input[0] in tables and node.name not in excluded
    ]
    for name in dict.fromkeys(node.input[0] for node in lookups):
        model.graph.initializer.extend(_quantized(tables[name]))
    for node in lookups:
        _read_quantized(node, width=tables[node.input[0]].dims[1])
    used = {name for node in model.graph.node for name in node.input}
    for name in tables.keys() - used:
        model.graph.initializer.remove(tables[name])
    if lookups and "com.microsoft" not in {each.domain for each in model.opset_import}:
        model.opset_import.append(onnx.helper.make_opsetid("com.microsoft", 1))
    onnx.save(model, str(path))
    return len({node.input[0] for node in lookups})


def _is_table(tensor: Any) -> bool:
    import onnx

    return tensor.data_type == onnx.TensorProto.FLOAT and len(tensor.dims) == 2


def _quantized(table: Any) -> tuple[Any, Any]:
    """Return a table's weights as bytes [rows, width], and the scales of its rows [rows, 1]."""
    from onnx import numpy_helper

    weights_VD = numpy_helper.to_array(table)
    largest_V1 = np.abs(weights_VD).max(axis=1, keepdims=True)
    scales_V1 = np.where(largest_V1 > 0, largest_V1 / LARGEST, 1).astype(np.float32)
    bytes_VD = (np.rint(weights_VD / scales_V1) + ZERO).astype(np.uint8)
    return (
        numpy_helper.from_array(bytes_VD, f"{table.name}_quantized"),
        numpy_helper.from_array(scales_V1, f"{table.name}_scale"),
    )


def _read_quantized(node: Any, width: int) -> None:
    """Turn a Gather into the contrib operator that gathers rows and dequantises them."""
    from onnx import helper

    table, ids = node.input
    block = max(SMALLEST_BLOCK, 1 << (width - 1).bit_length())
    node.op_type, node.domain = "GatherBlockQuantized", "com.microsoft"
    del node.input[:], node.attribute[:]
    node.input.extend([f"{table}_quantized", ids, f"{table}_scale"])
    settings = {"bits": 8, "block_size": block, "gather_axis": 0, "quantize_axis": 1}
    node.attribute.extend(helper.make_attribute(name, value) for name, value in settings.items())

"""Shrinks a TFLite file: scales that signatures share are stored once, and inner tensors lose their names.

A student's embedding has a scale and a zero point for each row, which the quantiser writes again for each signature: a
4 x 312 model with four signatures shrinks by 2 of 17 MB.
"""

from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.tools import flatbuffer_utils


def shrink(path: Path) -> None:
    """Rewrite a model with the same weights, operations and signatures.

    Args:
        path: the .tflite file; its inner tensors can no longer be looked up by name afterwards.
    """
    model = flatbuffer_utils.read_model(str(path))
    for buffer in model.buffers:
        if buffer.data is not None:
            buffer.data = np.frombuffer(buffer.data, np.uint8)  # other types are written byte by byte
    scales: dict[tuple[Any, ...], _Scales] = {}
    for graph in model.subgraphs:
        named = {*graph.inputs, *graph.outputs}
        for index, tensor in enumerate(graph.tensors):
            if index not in named:
                tensor.name = None
            if tensor.quantization is not None:
                tensor.quantization = scales.setdefault(_content(tensor.quantization), _Scales(tensor.quantization))
    flatbuffer_utils.write_model(model, str(path))


class _Scales(schema.QuantizationParametersT):  # type: ignore[misc]
    """Quantisation parameters that are written to a file once, even if several tensors use them."""

    def __init__(self, parameters: Any) -> None:
        super().__init__(**vars(parameters))
        self._builder: Any = None
        self._offset = 0

    def Pack(self, builder: Any) -> int:  # noqa: N802  # overrides the schema's method
        """Return the offset of the parameters in the file that is being built."""
        if self._builder is not builder:
            self._builder, self._offset = builder, super().Pack(builder)
        return self._offset


def _content(parameters: Any) -> tuple[Any, ...]:
    """Return the values of quantisation parameters, for comparison."""
    arrays = (parameters.min, parameters.max, parameters.scale, parameters.zeroPoint)
    values = tuple(None if array is None else np.asarray(array).tobytes() for array in arrays)
    # The quantiser does not use details for int8, so all are treated as different. The first of equal parameters keeps
    # its details alive, so no two share an id.
    details = None if parameters.details is None else id(parameters.details)
    return (*values, parameters.quantizedDimension, parameters.detailsType, details)

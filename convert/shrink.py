"""A TFLite file without what it says more than once: scales by signature, and the names of inner tensors.

A student's embedding has a scale and a zero point for each of its rows, and the quantiser writes them again for each
signature: 4 x 312 with four signatures shrinks by 2 of 17 MB.
"""

from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.tools import flatbuffer_utils


def shrink(path: Path) -> None:
    """Write a model anew, with the same weights, operations and signatures.

    Args:
        path: of a .tflite file that nothing is looked up in by name any more.
    """
    model = flatbuffer_utils.read_model(str(path))
    for buffer in model.buffers:
        if buffer.data is not None:
            buffer.data = np.frombuffer(buffer.data, np.uint8)  # others are written byte by byte
    scales: dict[tuple[Any, ...], _Scales] = {}
    for graph in model.subgraphs:
        ends = {*graph.inputs, *graph.outputs}
        for place, tensor in enumerate(graph.tensors):
            if place not in ends:
                tensor.name = None
            if tensor.quantization is not None:
                tensor.quantization = scales.setdefault(_content(tensor.quantization), _Scales(tensor.quantization))
    flatbuffer_utils.write_model(model, str(path))


class _Scales(schema.QuantizationParametersT):  # type: ignore[misc]
    """Written once to a file, however many tensors have them."""

    def __init__(self, found: Any) -> None:
        super().__init__(**vars(found))
        self._builder: Any = None
        self._offset = 0

    def Pack(self, builder: Any) -> int:  # noqa: N802  # the name of the schema's own
        """Return where they lie in the file that is being built."""
        if self._builder is not builder:
            self._builder, self._offset = builder, super().Pack(builder)
        return self._offset


def _content(found: Any) -> tuple[Any, ...]:
    """Return all that they say, as something to compare."""
    values = (found.min, found.max, found.scale, found.zeroPoint)
    kept = tuple(None if value is None else np.asarray(value).tobytes() for value in values)
    # Details are of a kind that the quantiser does not use for int8; each counts as another. The first of equals keeps
    # its own alive, so no two share an id.
    details = None if found.details is None else id(found.details)
    return (*kept, found.quantizedDimension, found.detailsType, details)

"""OpenVINO on the processor."""

import os
import sys
from pathlib import Path
from typing import Any

import numpy as np

from contract.errors import needs_extra
from infer.folders.graph import Graph
from infer.folders.interface import Interface, Port, check_interface
from infer.runtimes import lengths
from infer.runtimes.protocol import Feed, Traits
from infer.safety.openvino_ir import PRECISION_HINT, check

# In fp16 all weights of the file are stored alike.
TRAITS = Traits(suffix=".xml", companions=(".bin",), check_file=check, uniform=frozenset({"fp16"}))
# Values of ONEDNN_MAX_CPU_ISA, by which a user or a test holds oneDNN to older instructions than the processor has.
BEFORE_AVX512 = frozenset({"SSE41", "AVX", "AVX2", "AVX2_VNNI", "AVX2_VNNI_2"})
DTYPES = {"i32": "int32", "i64": "int64", "f32": "float32"}


def forbid_telemetry() -> None:
    """Keep OpenVINO and NNCF from reporting usage over the network; without this module they have a stub for it."""
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]  # None is how an import is forbidden


def start() -> None:
    """Import the library."""
    forbid_telemetry()
    with needs_extra("openvino"):
        import openvino  # noqa: F401


def load(folder: Path, graph: Graph, *, threads: int) -> "OpenvinoSession":
    """Compile an .xml file, once for any length or once for each of the graph's lengths.

    Raises:
        InputError: its inputs and outputs are not those of the graph.
    """
    import openvino

    core = openvino.Core()
    model = folder / graph.file
    compiled = {}
    for length in graph.source_lengths or (0,):
        network = core.read_model(model)
        check_interface(_interface(network), graph, str(model), length)
        if length:
            network.reshape({tensor.name: [1, length] for tensor in graph.inputs})
        compiled[length] = core.compile_model(network, "CPU", _settings(network, threads))
    return OpenvinoSession(compiled, graph)


def _interface(network: Any) -> Interface:
    return Interface(inputs=tuple(map(_port, network.inputs)), outputs=tuple(map(_port, network.outputs)))


def _port(tensor: Any) -> Port:
    shape, dtype = tensor.get_partial_shape(), tensor.get_element_type().get_type_name()
    sizes = tuple(None if size.is_dynamic else size.get_length() for size in shape) if shape.rank.is_static else None
    return Port(names=tuple(sorted(tensor.get_names())) or ("",), dtype=DTYPES.get(dtype, dtype), sizes=sizes)


def _settings(network: Any, threads: int) -> dict[str, Any]:
    hint = list(PRECISION_HINT)
    settings = {
        # A model without a hint is computed in fp32.
        hint[-1]: network.get_rt_info(hint).astype(str) if network.has_rt_info(hint) else "f32",
        "INFERENCE_NUM_THREADS": threads,
        "PERFORMANCE_HINT": "LATENCY",
        "NUM_STREAMS": 1,
    }
    if os.environ.get("ONEDNN_MAX_CPU_ISA", "").upper() in BEFORE_AVX512:
        # OpenVINO itself looks at the processor: it would compute in half precision, and quantise the inputs of 8-bit
        # and 4-bit weights, and then fail for want of a oneDNN kernel.
        settings[hint[-1]] = "f32"
        settings["DYNAMIC_QUANTIZATION_GROUP_SIZE"] = 0
    return settings


class OpenvinoSession:
    """A compiled OpenVINO model for each padded length; the one under 0 takes any."""

    def __init__(self, compiled: dict[int, Any], graph: Graph) -> None:
        self._requests = {length: network.create_infer_request() for length, network in compiled.items()}
        self._graph = graph

    def run(self, feed: Feed) -> Feed:
        """Run a batch."""
        return lengths.one_by_one(feed, self._run) if self._graph.source_lengths else self._run(feed)

    def padded_length(self, length_tokens: int) -> int:
        """Return the length that a sentence must be padded to."""
        return lengths.padded_length(length_tokens, self._graph.source_lengths)

    def _run(self, feed: Feed) -> Feed:
        request = self._requests[lengths.length_of(feed) if self._graph.source_lengths else 0]
        request.infer(self._graph.named(feed), share_inputs=True)
        # The tensors belong to the request, whose next inference overwrites them.
        return {
            tensor.role: np.array(request.get_tensor(tensor.name).data, dtype=tensor.dtype)
            for tensor in self._graph.outputs
        }

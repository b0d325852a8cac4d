"""OpenVINO on the processor."""

from pathlib import Path
from typing import Any

import numpy as np

from contract.errors import needs_extra
from infer.folders.graph import Graph
from infer.runtimes import lengths
from infer.runtimes.protocol import Feed, Traits
from infer.safety.openvino_ir import PRECISION_HINT, check

# Half precision is a way to store the whole file.
TRAITS = Traits(suffix=".xml", beside=(".bin",), check_file=check, uniform=frozenset({"fp16"}))


def start() -> None:
    """Import the library."""
    with needs_extra("openvino"):
        import openvino  # noqa: F401


def load(folder: Path, graph: Graph, *, threads: int) -> "OpenvinoSession":
    """Compile an .xml file, once for any length or once for each of the graph's."""
    import openvino

    core = openvino.Core()
    compiled = {}
    for length in graph.source_lengths or (0,):
        network = core.read_model(folder / graph.file)
        if length:
            network.reshape({tensor.name: [1, length] for tensor in graph.inputs})
        compiled[length] = core.compile_model(network, "CPU", _settings(network, threads))
    return OpenvinoSession(compiled, graph)


def _settings(network: Any, threads: int) -> dict[str, Any]:
    hint = list(PRECISION_HINT)
    return {
        # A model that does not say what floats it is computed in is computed in fp32.
        hint[-1]: network.get_rt_info(hint).astype(str) if network.has_rt_info(hint) else "f32",
        "INFERENCE_NUM_THREADS": threads,
        "PERFORMANCE_HINT": "LATENCY",
        "NUM_STREAMS": 1,
    }


class OpenvinoSession:
    """A compiled OpenVINO model, by padded length; under 0 the one that takes any."""

    def __init__(self, compiled: dict[int, Any], graph: Graph) -> None:
        self._requests = {length: network.create_infer_request() for length, network in compiled.items()}
        self._graph = graph

    def run(self, feed: Feed) -> Feed:
        """Run a batch."""
        return lengths.one_by_one(feed, self._run) if self._graph.source_lengths else self._run(feed)

    def padded_length(self, length_tokens: int) -> int:
        """Return the length a sentence must be padded to."""
        return lengths.padded_length(length_tokens, self._graph.source_lengths)

    def _run(self, feed: Feed) -> Feed:
        request = self._requests[lengths.length_of(feed) if self._graph.source_lengths else 0]
        request.infer(self._graph.named(feed), share_inputs=True)
        # The tensors belong to the request and are overwritten by its next inference.
        return {
            tensor.role: np.array(request.get_tensor(tensor.name).data, dtype=tensor.dtype)
            for tensor in self._graph.outputs
        }

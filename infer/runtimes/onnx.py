"""ONNX Runtime on the processor."""

from pathlib import Path
from typing import Any

import numpy as np

from contract.errors import needs_extra
from infer.folders.graph import Graph
from infer.folders.rewrite import Rewrite
from infer.runtimes import lengths
from infer.runtimes.protocol import Feed, Traits
from infer.safety.onnx_graph import check

TRAITS = Traits(
    suffix=".onnx",
    check_file=check,
    rewrites=frozenset({Rewrite.FUSED_ATTENTION, Rewrite.SEPARATE_NORM}),
    default_rewrites=frozenset({Rewrite.SEPARATE_NORM}),
)
ONLY_ERRORS = 3
# What convert.onnx calls the sizes that vary.
DIMENSIONS: dict[str, str] = {"batch": "batch", "source": "length"}


def start() -> None:
    """Import the library."""
    with needs_extra("onnx"):
        import onnxruntime
    onnxruntime.set_default_logger_severity(ONLY_ERRORS)


def load(folder: Path, graph: Graph, *, threads: int) -> "OnnxSession":
    """Load an .onnx file with all graph optimisations, once for any length or once for each of the graph's."""
    import onnxruntime

    model = folder / graph.file
    sessions = {}
    for length in graph.source_lengths or (0,):
        options = _options(threads)
        if length:  # known sizes are folded into constants, and memory is planned beforehand
            options.add_free_dimension_override_by_name(DIMENSIONS["batch"], 1)
            options.add_free_dimension_override_by_name(DIMENSIONS["source"], length)
        sessions[length] = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
    return OnnxSession(sessions, graph)


class OnnxSession:
    """A loaded ONNX model, by padded length; under 0 the one that takes any."""

    def __init__(self, sessions: dict[int, Any], graph: Graph) -> None:
        self._sessions = sessions
        self._graph = graph
        self._outputs = [tensor.name for tensor in graph.outputs]

    def run(self, feed: Feed) -> Feed:
        """Run a batch."""
        return lengths.one_by_one(feed, self._run) if self._graph.source_lengths else self._run(feed)

    def padded_length(self, length_tokens: int) -> int:
        """Return the length a sentence must be padded to."""
        return lengths.padded_length(length_tokens, self._graph.source_lengths)

    def _run(self, feed: Feed) -> Feed:
        session = self._sessions[lengths.length_of(feed) if self._graph.source_lengths else 0]
        arrays = session.run(self._outputs, self._graph.named(feed))
        return {
            tensor.role: np.asarray(array, dtype=tensor.dtype)
            for tensor, array in zip(self._graph.outputs, arrays, strict=True)
        }


def _options(threads: int) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.log_severity_level = ONLY_ERRORS
    # Threads keep spinning between the layers of one inference, as by default, but not between two inferences:
    # there they would take the cores from the tokenizer and from every other program on a small board.
    options.add_session_config_entry("session.force_spinning_stop", "1")
    return options

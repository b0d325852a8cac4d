"""ONNX Runtime on the processor."""

import os
from pathlib import Path
from typing import Any

import numpy as np

from contract.errors import needs_extra
from infer.folders.graph import Graph
from infer.folders.interface import Interface, Port, check_interface
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
ONLY_FATAL = 4  # errors are raised, and need not be printed as well
# The names that convert.onnx gives to the axes that vary.
DIMENSIONS: dict[str, str] = {"batch": "batch", "source": "length"}
DTYPES = {"tensor(int32)": "int32", "tensor(int64)": "int64", "tensor(float)": "float32"}


def forbid_telemetry() -> None:
    """Keep ONNX Runtime from writing a device id to the home folder and reporting its use to its makers.

    Only this variable does so, before the library is imported: `disable_telemetry_events` comes too late for the files.
    """
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"


def start() -> None:
    """Import the library."""
    forbid_telemetry()
    with needs_extra("onnx"):
        import onnxruntime
    onnxruntime.set_default_logger_severity(ONLY_FATAL)


def load(folder: Path, graph: Graph, *, threads: int) -> "OnnxSession":
    """Load an .onnx file with all graph optimisations, once for any length or once for each of the graph's lengths.

    Raises:
        InputError: its inputs and outputs are not those of the graph.
    """
    import onnxruntime

    model = folder / graph.file
    sessions = {}
    for length in graph.source_lengths or (0,):
        options = _options(threads)
        if length:  # known sizes are folded into constants, and memory is planned ahead
            options.add_free_dimension_override_by_name(DIMENSIONS["batch"], 1)
            options.add_free_dimension_override_by_name(DIMENSIONS["source"], length)
        session = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
        check_interface(_interface(session), graph, str(model), length)
        sessions[length] = session
    return OnnxSession(sessions, graph)


class OnnxSession:
    """A loaded ONNX model for each padded length; the one under 0 takes any."""

    def __init__(self, sessions: dict[int, Any], graph: Graph) -> None:
        self._sessions = sessions
        self._graph = graph
        self._outputs = [tensor.name for tensor in graph.outputs]

    def run(self, feed: Feed) -> Feed:
        """Run a batch."""
        return lengths.one_by_one(feed, self._run) if self._graph.source_lengths else self._run(feed)

    def padded_length(self, length_tokens: int) -> int:
        """Return the length that a sentence must be padded to."""
        return lengths.padded_length(length_tokens, self._graph.source_lengths)

    def _run(self, feed: Feed) -> Feed:
        session = self._sessions[lengths.length_of(feed) if self._graph.source_lengths else 0]
        arrays = session.run(self._outputs, self._graph.named(feed))
        return {
            tensor.role: np.asarray(array, dtype=tensor.dtype)
            for tensor, array in zip(self._graph.outputs, arrays, strict=True)
        }


def _interface(session: Any) -> Interface:
    return Interface(
        inputs=tuple(map(_port, session.get_inputs())),
        outputs=tuple(map(_port, session.get_outputs())),
    )


def _port(tensor: Any) -> Port:
    sizes = tuple(size if isinstance(size, int) else None for size in tensor.shape)
    # A shape that could not be inferred is empty, like that of a single number.
    return Port(names=(tensor.name,), dtype=DTYPES.get(tensor.type, tensor.type), sizes=sizes or None)


def _options(threads: int) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.log_severity_level = ONLY_FATAL
    # Threads spin between the layers of one inference, which is the default, but not between two inferences, when they
    # would take the cores from the tokenizer and from all other programs on a small board.
    options.add_session_config_entry("session.force_spinning_stop", "1")
    return options

"""ONNX Runtime on the processor."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.runtimes import shape
from contract.errors import needs_extra
from contract.tokens import Batch

ONLY_ERRORS = 3


def start() -> None:
    """Import the library."""
    with needs_extra("onnx"):
        import onnxruntime
    onnxruntime.set_default_logger_severity(ONLY_ERRORS)


def load(model: Path, *, threads: int, buckets: tuple[int, ...], inputs: tuple[str, str, str]) -> "OnnxSession":
    """Load an .onnx file with all graph optimisations."""
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
    session = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
    return OnnxSession(session, buckets, inputs)


class OnnxSession:
    """A loaded ONNX model."""

    def __init__(self, session: Any, buckets: tuple[int, ...], inputs: tuple[str, str, str]) -> None:
        self._session = session
        self._buckets = buckets
        self._inputs = inputs
        self._output = session.get_outputs()[0].name

    def infer(self, batch: Batch) -> NDArray[np.float32]:
        """Return logits of shape (B, C)."""
        values = (batch.input_ids_BL, batch.attention_mask_BL, batch.token_type_ids_BL)
        (logits_BC,) = self._session.run([self._output], dict(zip(self._inputs, values, strict=True)))
        return np.asarray(logits_BC, dtype=np.float32)

    def padded_length(self, length_tokens: int) -> int:
        """Return the length a sentence must be padded to."""
        return shape.padded_length(length_tokens, self._buckets)

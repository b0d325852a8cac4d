"""ONNX Runtime on the processor."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from contract.errors import needs_extra
from contract.tokens import Batch
from infer.runtimes import lengths

ONLY_ERRORS = 3
# Names of the sizes of a model's inputs, as convert.onnx gives them.
BATCH, LENGTH = "batch", "length"


def start() -> None:
    """Import the library."""
    with needs_extra("onnx"):
        import onnxruntime
    onnxruntime.set_default_logger_severity(ONLY_ERRORS)


def load(model: Path, *, threads: int, buckets: tuple[int, ...], inputs: tuple[str, str, str]) -> "OnnxSession":
    """Load an .onnx file with all graph optimisations, once for any length or once for each bucket."""
    import onnxruntime

    sessions = {}
    for length in buckets or (0,):
        options = _options(threads)
        if length:  # known sizes are folded into constants, and memory is planned beforehand
            options.add_free_dimension_override_by_name(BATCH, 1)
            options.add_free_dimension_override_by_name(LENGTH, length)
        sessions[length] = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
    return OnnxSession(sessions, buckets, inputs)


class OnnxSession:
    """A loaded ONNX model, by bucket; under 0 the one that takes any length."""

    def __init__(self, sessions: dict[int, Any], buckets: tuple[int, ...], inputs: tuple[str, str, str]) -> None:
        self._sessions = sessions
        self._buckets = buckets
        self._inputs = inputs
        self._output = next(iter(sessions.values())).get_outputs()[0].name

    def infer(self, batch: Batch) -> NDArray[np.float32]:
        """Return logits of shape (B, C)."""
        return lengths.one_by_one(batch, self._infer) if self._buckets else self._infer(batch)

    def padded_length(self, length_tokens: int) -> int:
        """Return the length a sentence must be padded to."""
        return lengths.padded_length(length_tokens, self._buckets)

    def _infer(self, batch: Batch) -> NDArray[np.float32]:
        session = self._sessions[batch.input_ids_BL.shape[1] if self._buckets else 0]
        values = (batch.input_ids_BL, batch.attention_mask_BL, batch.token_type_ids_BL)
        (logits_BC,) = session.run([self._output], dict(zip(self._inputs, values, strict=True)))
        return np.asarray(logits_BC, dtype=np.float32)


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

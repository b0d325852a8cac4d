"""OpenVINO on the processor."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from contract.errors import needs_extra
from contract.tokens import Batch
from infer.runtimes import lengths
from infer.safety.openvino_ir import PRECISION_HINT


def start() -> None:
    """Import the library."""
    with needs_extra("openvino"):
        import openvino  # noqa: F401


def load(model: Path, *, threads: int, buckets: tuple[int, ...], inputs: tuple[str, str, str]) -> "OpenvinoSession":
    """Compile an .xml file, once for any length or once for each bucket."""
    import openvino

    core = openvino.Core()
    compiled = {}
    for length in buckets or (0,):
        network = core.read_model(model)
        if length:
            network.reshape({name: [1, length] for name in inputs})
        compiled[length] = core.compile_model(network, "CPU", _settings(network, threads))
    return OpenvinoSession(compiled, buckets, inputs)


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
    """A compiled OpenVINO model, by bucket; under 0 the one that takes any length."""

    def __init__(self, compiled: dict[int, Any], buckets: tuple[int, ...], inputs: tuple[str, str, str]) -> None:
        self._requests = {length: network.create_infer_request() for length, network in compiled.items()}
        self._buckets = buckets
        self._inputs = inputs

    def infer(self, batch: Batch) -> NDArray[np.float32]:
        """Return logits of shape (B, C)."""
        return lengths.one_by_one(batch, self._infer) if self._buckets else self._infer(batch)

    def padded_length(self, length_tokens: int) -> int:
        """Return the length a sentence must be padded to."""
        return lengths.padded_length(length_tokens, self._buckets)

    def _infer(self, batch: Batch) -> NDArray[np.float32]:
        request = self._requests[batch.input_ids_BL.shape[1] if self._buckets else 0]
        values = (batch.input_ids_BL, batch.attention_mask_BL, batch.token_type_ids_BL)
        request.infer(dict(zip(self._inputs, values, strict=True)), share_inputs=True)
        # The tensor belongs to the request and is overwritten by its next inference.
        return np.array(request.get_output_tensor(0).data, dtype=np.float32)

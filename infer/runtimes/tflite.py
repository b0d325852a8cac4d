"""LiteRT, or tflite-runtime where there is no LiteRT: one file with a signature for each length."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from contract.errors import InputError, needs_extra
from contract.tokens import Batch
from infer.runtimes import TFLITE_EXTRA, lengths


def start() -> None:
    """Import the library."""
    _interpreter()


def load(model: Path, *, threads: int, buckets: tuple[int, ...], inputs: tuple[str, str, str]) -> "TfliteSession":
    """Load a .tflite file and prepare the signature of each bucket.

    Raises:
        InputError: it has no signature `seq<length>` for a bucket, or it names no buckets, or this runtime would answer
            wrongly.
    """
    interpreter = _interpreter()(model_path=str(model), num_threads=threads)
    if type(interpreter).__module__.startswith("tflite_runtime"):
        _check_scales(interpreter, model)
    signatures = interpreter.get_signature_list()
    missing = [name for name in map(_signature, buckets) if name not in signatures]
    if missing or not buckets:
        known = ", ".join(signatures) or "none"
        wanted = ", ".join(missing) or "for any length bucket"
        raise InputError(f"{model}: no signature {wanted} (it has: {known})", "convert the student again")
    runners = {length: interpreter.get_signature_runner(_signature(length)) for length in buckets}
    return TfliteSession(runners, inputs)


class TfliteSession:
    """A loaded TFLite model: a signature runner by bucket."""

    def __init__(self, runners: dict[int, Any], inputs: tuple[str, str, str]) -> None:
        self._runners = runners
        self._buckets = tuple(sorted(runners))
        self._inputs = inputs

    def infer(self, batch: Batch) -> NDArray[np.float32]:
        """Return logits of shape (B, C)."""
        return lengths.one_by_one(batch, self._infer)

    def padded_length(self, length_tokens: int) -> int:
        """Return the length a sentence must be padded to."""
        return lengths.padded_length(length_tokens, self._buckets)

    def _infer(self, batch: Batch) -> NDArray[np.float32]:
        values = (batch.input_ids_BL, batch.attention_mask_BL, batch.token_type_ids_BL)
        # By name: the order of a signature's inputs is not the order they were exported in.
        named = {name: value.astype(np.int32) for name, value in zip(self._inputs, values, strict=True)}
        (logits_BC,) = self._runners[batch.input_ids_BL.shape[1]](**named).values()
        return np.asarray(logits_BC, dtype=np.float32)


def _signature(length_tokens: int) -> str:
    return f"seq{length_tokens}"


def _check_scales(interpreter: Any, model: Path) -> None:
    """Refuse what tflite-runtime 2.14 computes wrongly without a word: 8-bit inputs with a scale for each channel.

    Read back into float first, such weights are right. All signatures of a model that `tinybert convert` makes have the
    operations of the first, the only one that the interpreter tells of.
    """
    tensors = {tensor["index"]: tensor for tensor in interpreter.get_tensor_details()}
    for operation in interpreter._get_ops_details():
        inputs = [tensors[index] for index in operation["inputs"] if index in tensors]
        several = any(
            tensor["dtype"] is np.int8 and len(tensor["quantization_parameters"]["scales"]) > 1 for tensor in inputs
        )
        if several and operation["op_name"] != "DEQUANTIZE":
            raise InputError(
                f"{model}: tflite-runtime computes {operation['op_name']} with a scale per channel wrongly",
                "convert the student for a target that requires tflite-runtime, such as raspberry-pi-os-32-bit",
            )


def _interpreter() -> Any:
    try:
        from ai_edge_litert.interpreter import Interpreter
    except ModuleNotFoundError:
        # The only runtime there is for 32-bit systems.
        with needs_extra(TFLITE_EXTRA):
            from tflite_runtime.interpreter import Interpreter
    return Interpreter

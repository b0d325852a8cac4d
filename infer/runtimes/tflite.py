"""LiteRT, or tflite-runtime where there is no LiteRT: one file with a signature for each length."""

from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from contract.errors import InputError, needs_extra
from infer.folders.graph import Graph, Layout
from infer.runtimes import RUNTIMES, lengths
from infer.runtimes.protocol import Feed, Traits

NAME = "tflite"
IDENTIFIER = b"TFL3"
# litert-torch gives these names to the forward function's arguments, in order, and to what it returns.
LAYOUT = Layout(inputs=("args_0", "args_1", "args_2"), output="output_0", dtype="int32", entry="seq{source}", batch=1)


def check(file: BinaryIO, _size_bytes: int, source: str) -> None:
    """Refuse a file that is no TFLite model; one names no other files.

    Raises:
        InputError: it is another file.
    """
    if file.read(8)[4:] != IDENTIFIER:
        raise InputError(f"{source}: cannot be read as TFLite", "convert the student again")


TRAITS = Traits(suffix=".tflite", check_file=check, needs_lengths=True, layout=LAYOUT)


def start() -> None:
    """Import the library."""
    _interpreter()


def load(folder: Path, graph: Graph, *, threads: int) -> "TfliteSession":
    """Load a .tflite file and prepare the signature of each of the graph's padded lengths.

    Raises:
        InputError: it has no signature for one of them, or the graph has none, or this runtime would answer wrongly.
    """
    model = folder / graph.file
    interpreter = _interpreter()(model_path=str(model), num_threads=threads)
    if type(interpreter).__module__.startswith("tflite_runtime"):
        _check_scales(interpreter, model)
    signatures = interpreter.get_signature_list()
    wanted = {length: graph.entry_for(length) for length in graph.source_lengths}
    missing = [name for name in wanted.values() if name not in signatures]
    if missing or not wanted:
        known = ", ".join(signatures) or "none"
        absent = ", ".join(missing) or "for any length bucket"
        raise InputError(f"{model}: no signature {absent} (it has: {known})", "convert the student again")
    return TfliteSession({length: interpreter.get_signature_runner(name) for length, name in wanted.items()}, graph)


class TfliteSession:
    """A loaded TFLite model: a signature runner by padded length."""

    def __init__(self, runners: dict[int, Any], graph: Graph) -> None:
        self._runners = runners
        self._graph = graph

    def run(self, feed: Feed) -> Feed:
        """Run a batch."""
        return lengths.one_by_one(feed, self._run)

    def padded_length(self, length_tokens: int) -> int:
        """Return the length a sentence must be padded to."""
        return lengths.padded_length(length_tokens, self._graph.source_lengths)

    def _run(self, feed: Feed) -> Feed:
        # By name: the order of a signature's inputs is not the order they were exported in.
        arrays = self._runners[lengths.length_of(feed)](**self._graph.named(feed))
        return {tensor.role: np.asarray(arrays[tensor.name], dtype=tensor.dtype) for tensor in self._graph.outputs}


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
        with needs_extra(RUNTIMES[NAME].extra):
            from tflite_runtime.interpreter import Interpreter
    return Interpreter

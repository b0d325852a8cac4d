"""LiteRT, or tflite-runtime on systems without it: one file with a signature for each padded length."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from contract.errors import InputError, needs_extra
from infer.folders.graph import Graph, Layout
from infer.folders.interface import Interface, Port, check_interface
from infer.runtimes import RUNTIMES, lengths
from infer.runtimes.protocol import Feed, Traits

NAME = "tflite"
IDENTIFIER = b"TFL3"
# The names that litert-torch gives to the arguments of the forward function, in order, and to its result.
LAYOUT = Layout(inputs=("args_0", "args_1", "args_2"), output="output_0", dtype="int32", entry="seq{source}", batch=1)


def check(file: BinaryIO, _size_bytes: int, source: str) -> None:
    """Check that a file is a TFLite model, which cannot refer to other files.

    Raises:
        InputError: it is not.
    """
    if file.read(8)[4:] != IDENTIFIER:
        raise InputError(f"{source}: cannot be read as TFLite", "convert the student again")


def slowness(session: "TfliteSession") -> str:
    """Return that XNNPACK computes nothing of a model; what a delegate computes becomes one operation."""
    operations = {operation["op_name"] for operation in session.interpreter._get_ops_details()}
    return "" if "DELEGATE" in operations else "it runs without XNNPACK, which is slower"


TRAITS = Traits(suffix=".tflite", check_file=check, needs_lengths=True, layout=LAYOUT, slowness=slowness)


def start() -> None:
    """Import the library."""
    _interpreter()


def load(folder: Path, graph: Graph, *, threads: int) -> "TfliteSession":
    """Load a .tflite file and prepare the signature of each of the graph's padded lengths.

    Raises:
        InputError: it has no signature for a length, its inputs and outputs are not those of the graph, the graph has
            no lengths, or this runtime would compute wrong answers.
    """
    model = folder / graph.file
    interpreter = _interpreter()(model_path=str(model), num_threads=threads)
    if type(interpreter).__module__.startswith("tflite_runtime"):
        _check_scales(interpreter, model)
    signatures = interpreter.get_signature_list()
    entries = {length: graph.entry_for(length) for length in graph.source_lengths}
    missing = [name for name in entries.values() if name not in signatures]
    if missing or not entries:
        known = ", ".join(signatures) or "none"
        absent = ", ".join(missing) or "for any length bucket"
        raise InputError(f"{model}: no signature {absent} (it has: {known})", "convert the student again")
    runners = {length: interpreter.get_signature_runner(name) for length, name in entries.items()}
    for length, runner in runners.items():
        check_interface(_interface(runner), graph, str(model), length)
    return TfliteSession(interpreter, runners, graph)


class TfliteSession:
    """A loaded TFLite model: a signature runner for each padded length.

    Attributes:
        interpreter: the library's own object.
    """

    def __init__(self, interpreter: Any, runners: dict[int, Any], graph: Graph) -> None:
        self.interpreter = interpreter
        self._runners = runners
        self._graph = graph

    def run(self, feed: Feed) -> Feed:
        """Run a batch."""
        return lengths.one_by_one(feed, self._run)

    def padded_length(self, length_tokens: int) -> int:
        """Return the length that a sentence must be padded to."""
        return lengths.padded_length(length_tokens, self._graph.source_lengths)

    def _run(self, feed: Feed) -> Feed:
        # By name, because the order of a signature's inputs is not that of the export.
        arrays = self._runners[lengths.length_of(feed)](**self._graph.named(feed))
        return {tensor.role: np.asarray(arrays[tensor.name], dtype=tensor.dtype) for tensor in self._graph.outputs}


def _interface(runner: Any) -> Interface:
    return Interface(inputs=_ports(runner.get_input_details()), outputs=_ports(runner.get_output_details()))


def _ports(details: Mapping[str, Any]) -> tuple[Port, ...]:
    return tuple(
        Port(names=(name,), dtype=np.dtype(tensor["dtype"]).name, sizes=tuple(int(size) for size in tensor["shape"]))
        for name, tensor in details.items()
    )


def _check_scales(interpreter: Any, model: Path) -> None:
    """Refuse 8-bit inputs with a scale for each channel, which tflite-runtime 2.14 silently computes wrongly.

    Such weights are right if they are dequantized first. All signatures of a model from `tinybert convert` have the
    operations of the first, the only one that the interpreter describes.
    """
    tensors = {tensor["index"]: tensor for tensor in interpreter.get_tensor_details()}
    for operation in interpreter._get_ops_details():
        inputs = [tensors[index] for index in operation["inputs"] if index in tensors]
        is_per_channel = any(
            tensor["dtype"] is np.int8 and len(tensor["quantization_parameters"]["scales"]) > 1 for tensor in inputs
        )
        if is_per_channel and operation["op_name"] != "DEQUANTIZE":
            raise InputError(
                f"{model}: tflite-runtime computes {operation['op_name']} with a scale per channel wrongly",
                "convert the student for a target that requires tflite-runtime, such as raspberry-pi-os-32-bit",
            )


def _interpreter() -> Any:
    try:
        from ai_edge_litert.interpreter import Interpreter
    except ModuleNotFoundError:
        # The only runtime for 32-bit systems.
        with needs_extra(RUNTIMES[NAME].extra):
            from tflite_runtime.interpreter import Interpreter
    return Interpreter

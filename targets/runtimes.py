"""The table of runtimes: the module of each, and the packages it needs. Standard library only."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field

FAKE = "fake"
PYTORCH = "pytorch"
IS_32_BIT = sys.maxsize < 2**32


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """A runtime's module and packages.

    Attributes:
        module: the module of this project that runs it.
        libraries: importable names, any of which is enough.
        extras: this project's extra for each distribution whose version is reported.
        extra: the extra to install on this machine.
    """

    module: str
    libraries: tuple[str, ...] = ()
    extras: Mapping[str, str] = field(default_factory=dict)
    extra: str = ""


RUNTIMES = {
    "onnx": Entry(
        module="infer.runtimes.onnx", libraries=("onnxruntime",), extras={"onnxruntime": "onnx"}, extra="onnx"
    ),
    "openvino": Entry(
        module="infer.runtimes.openvino", libraries=("openvino",), extras={"openvino": "openvino"}, extra="openvino"
    ),
    "tflite": Entry(
        module="infer.runtimes.tflite",
        libraries=("ai_edge_litert", "tflite_runtime"),
        extras={"ai-edge-litert": "tflite", "tflite-runtime": "tflite-runtime"},
        extra="tflite-runtime" if IS_32_BIT else "tflite",  # LiteRT has no wheels for 32-bit systems
    ),
    PYTORCH: Entry(
        module="distill.runtime",
        libraries=("torch",),
        extras={"torch": "distill", "transformers": "distill"},
        extra="distill",
    ),
    FAKE: Entry(module="infer.runtimes.fake"),
}

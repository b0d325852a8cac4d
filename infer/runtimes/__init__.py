"""The runtimes by name; each is a module with the functions of infer.runtimes.protocol, imported when asked for."""

import sys
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import cast

from contract.errors import InputError, MissingExtraError
from contract.versions import DISTRIBUTION, versions_of
from infer.runtimes.protocol import Runtime
from infer.worker.clock import SYSTEM, Clock

FAKE = "fake"
PYTORCH = "pytorch"
TFLITE_EXTRA = "tflite-runtime" if sys.maxsize < 2**32 else "tflite"  # LiteRT has no wheels for 32-bit systems


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """Where a runtime's code and its library are.

    Attributes:
        module: this project's module.
        libraries: importable names, any one of which is enough.
        distributions: what its version is read from, as far as installed.
        extra: the extra of this project that brings it.
    """

    module: str
    libraries: tuple[str, ...] = ()
    distributions: tuple[str, ...] = ()
    extra: str = ""


RUNTIMES = {
    "onnx": Entry(
        module="infer.runtimes.onnx", libraries=("onnxruntime",), distributions=("onnxruntime",), extra="onnx"
    ),
    "openvino": Entry(
        module="infer.runtimes.openvino", libraries=("openvino",), distributions=("openvino",), extra="openvino"
    ),
    "tflite": Entry(
        module="infer.runtimes.tflite",
        libraries=("ai_edge_litert", "tflite_runtime"),
        distributions=("ai-edge-litert", "tflite-runtime"),
        extra=TFLITE_EXTRA,
    ),
    PYTORCH: Entry(
        module="distill.runtime",
        libraries=("torch",),
        distributions=("torch", "transformers"),
        extra="distill",
    ),
    FAKE: Entry(module="infer.runtimes.fake"),
}


def get(name: str) -> Runtime:
    """Return a runtime's module; its library is imported by its `start`.

    Raises:
        InputError: no such runtime.
    """
    return cast(Runtime, import_module(_entry(name).module))


def require(name: str) -> None:
    """Check that a runtime's library is installed, without importing it.

    Raises:
        InputError: no such runtime.
        MissingExtraError: its library is absent; the message has the line that installs it.
    """
    entry = _entry(name)
    if entry.libraries and not any(find_spec(library) for library in entry.libraries):
        raise MissingExtraError(entry.libraries[0], entry.extra)


def version(name: str) -> str:
    """Return the versions of a runtime's installed distributions, such as `1.32.0` or `torch 2.13.0, …`."""
    entry = _entry(name)
    found = versions_of(*entry.distributions)
    found.pop(DISTRIBUTION, None)
    if len(entry.distributions) == 1:
        return next(iter(found.values()), "")
    return ", ".join(f"{distribution} {number}" for distribution, number in found.items())


def clock_of(name: str) -> Clock:
    """Return the clock a runtime is timed by: the system's, but for the fake, which brings its own."""
    if name != FAKE:
        return SYSTEM
    from infer.runtimes.fake import CLOCK

    return CLOCK


def _entry(name: str) -> Entry:
    if name not in RUNTIMES:
        raise InputError(f"unknown runtime {name!r}", f"known: {', '.join(RUNTIMES)}")
    return RUNTIMES[name]

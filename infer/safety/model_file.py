"""What a model file must be before a runtime opens it, by runtime.

The measuring process imports this: standard library only.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from contract.errors import InputError
from contract.regular import open_regular

TFLITE_IDENTIFIER = b"TFL3"


def check(runtime: str, path: Path) -> None:
    """Check the model file of a runtime; runtimes that are not in the table load nothing that could be hostile.

    Raises:
        InputError: it is no regular file, not of the runtime's format, or refers to what is outside of it.
    """
    if runtime in CHECKS:
        with open_regular(path) as file:
            check_opened(runtime, file, os.fstat(file.fileno()).st_size, str(path))


def check_opened(runtime: str, file: BinaryIO, size_bytes: int, source: str) -> None:
    """Check a model file that is open.

    Args:
        runtime: the model's.
        file: at its beginning.
        size_bytes: of the file.
        source: its name, which tells runtimes its format, and errors begin with.

    Raises:
        InputError: as `check`.
    """
    suffix, rule = CHECKS[runtime]
    if not source.endswith(suffix):
        # The libraries choose a reader by the name: ONNX Runtime reads an .ort in another way.
        raise InputError(f"{source}: no model for {runtime}, whose files end in {suffix}", "convert the student again")
    rule(file, size_bytes, source)


def _onnx(file: BinaryIO, size_bytes: int, source: str) -> None:
    from infer.safety.onnx_graph import check

    check(file, size_bytes, source)


def _openvino(file: BinaryIO, size_bytes: int, source: str) -> None:
    from infer.safety.openvino_ir import check

    check(file, size_bytes, source)


def _tflite(file: BinaryIO, _size_bytes: int, source: str) -> None:
    if file.read(8)[4:] != TFLITE_IDENTIFIER:
        raise InputError(f"{source}: cannot be read as TFLite", "convert the student again")


CHECKS: dict[str, tuple[str, Callable[[BinaryIO, int, str], None]]] = {
    "onnx": (".onnx", _onnx),
    "openvino": (".xml", _openvino),
    "tflite": (".tflite", _tflite),
}

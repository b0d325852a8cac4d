"""Checks a model file before a runtime opens it, by the rules of the runtime's module."""

import os
from pathlib import Path
from typing import BinaryIO

from contract.errors import InputError
from contract.files import open_regular
from infer import runtimes
from infer.folders.interface import Interface


def check(runtime: str, path: Path) -> None:
    """Check a model file; a runtime without a rule loads nothing that could be hostile.

    Raises:
        InputError: it is not a regular file, not of the runtime's format, or refers to other files.
    """
    if runtimes.get(runtime).TRAITS.check_file is not None:
        with open_regular(path) as file:
            check_opened(runtime, file, os.fstat(file.fileno()).st_size, str(path))


def check_opened(runtime: str, file: BinaryIO, size_bytes: int, source: str) -> Interface | None:
    """Check an open model file.

    Args:
        runtime: name of the runtime.
        file: the file, open at its beginning.
        size_bytes: its size.
        source: its name, from which runtimes guess the format, and to begin an error with.

    Returns:
        Its inputs and outputs, as far as they can be read without the runtime.

    Raises:
        InputError: as `check`.
    """
    traits = runtimes.get(runtime).TRAITS
    if not source.endswith(traits.suffix):
        # The libraries choose a reader by the name: ONNX Runtime reads an .ort differently.
        raise InputError(
            f"{source}: not a model for {runtime}, whose files end in {traits.suffix}", "convert the student again"
        )
    return None if traits.check_file is None else traits.check_file(file, size_bytes, source)

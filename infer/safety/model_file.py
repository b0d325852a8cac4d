"""What a model file must be before a runtime opens it: as the runtime's own module says."""

import os
from pathlib import Path
from typing import BinaryIO

from contract.errors import InputError
from contract.files import open_regular
from infer import runtimes


def check(runtime: str, path: Path) -> None:
    """Check the model file of a runtime; one that says no rule loads nothing that could be hostile.

    Raises:
        InputError: it is no regular file, not of the runtime's format, or refers to what is outside of it.
    """
    if runtimes.get(runtime).TRAITS.check_file is not None:
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
    traits = runtimes.get(runtime).TRAITS
    if not source.endswith(traits.suffix):
        # The libraries choose a reader by the name: ONNX Runtime reads an .ort in another way.
        raise InputError(
            f"{source}: no model for {runtime}, whose files end in {traits.suffix}", "convert the student again"
        )
    if traits.check_file is not None:
        traits.check_file(file, size_bytes, source)

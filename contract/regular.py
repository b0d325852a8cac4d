"""Opens files that somebody else may have laid down: only regular ones, and without ever waiting for a writer."""

import os
import stat
from pathlib import Path
from typing import BinaryIO

from contract.errors import InputError

# O_NONBLOCK: opening a FIFO would wait for its writer. Windows has neither flag, and no FIFOs in folders.
FLAGS = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)


def open_regular(path: Path) -> BinaryIO:
    """Open a regular file for reading.

    Raises:
        InputError: it is missing, or a symlink, folder, FIFO, socket or device.
    """
    fault = InputError(f"{path}: missing or not a regular file", "make or copy it again")
    try:
        if not stat.S_ISREG(path.lstat().st_mode):  # before it is opened: that alone makes some devices act
            raise fault
        descriptor = os.open(path, FLAGS)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise fault from error
    if stat.S_ISREG(os.fstat(descriptor).st_mode):  # it may have been exchanged since
        return os.fdopen(descriptor, "rb")
    os.close(descriptor)
    raise fault

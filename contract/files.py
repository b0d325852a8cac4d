"""Reads files that may be hostile, and writes files so that there is either the old or the new one, never a part."""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from contract.errors import InputError

# O_NONBLOCK: opening a FIFO would wait for its writer. Windows has neither flag, and no FIFOs in folders.
FLAGS = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
# A record, the largest document, has some MiB.
DOCUMENT_LIMIT_BYTES = 2**26


def open_regular(path: Path) -> BinaryIO:
    """Open a regular file for reading, without ever waiting for a writer.

    Raises:
        InputError: it is missing, or a symlink, folder, FIFO, socket or device.
    """
    fault = InputError(f"{path}: missing or not a regular file", "make or copy it again")
    try:
        if not stat.S_ISREG(path.lstat().st_mode):  # checked first, because opening makes some devices act
            raise fault
        descriptor = os.open(path, FLAGS)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise fault from error
    if stat.S_ISREG(os.fstat(descriptor).st_mode):  # it may have been replaced in between
        return os.fdopen(descriptor, "rb")
    os.close(descriptor)
    raise fault


def read_limited(path: Path, limit_bytes: int = DOCUMENT_LIMIT_BYTES) -> bytes:
    """Return the bytes of a file that should be small.

    Args:
        path: the file.
        limit_bytes: the most it may have; a larger file is not read into memory.

    Raises:
        InputError: it is larger.
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        data = file.read(limit_bytes + 1)
    if len(data) > limit_bytes:
        raise InputError(f"{path}: has more than {limit_bytes} bytes", "check that it is the right file")
    return data


def write_atomic(path: Path, content: str | bytes) -> None:
    """Write a file through a temporary one in the same folder, so that a crash leaves the old file whole.

    Raises:
        OSError: the disk is full or the folder is not writable; the old file is unchanged.
    """
    with replacing(path) as file:
        file.write(content.encode() if isinstance(content, str) else content)


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """Yield a file to write and read, which replaces the file at the path when the block succeeds.

    If it fails, the old file is unchanged, and folders that were made for the new one are removed.

    Raises:
        OSError: the disk is full or the folder is not writable.
    """
    missing = [parent for parent in path.parents if not parent.exists()]
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with _temporary(path) as file:
            yield file
    except BaseException:
        with suppress(OSError):  # another process has written to them
            for parent in missing:
                parent.rmdir()
        raise
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make a rename inside the folder survive a power cut, where the system supports it (not on Windows)."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _temporary(path: Path) -> Iterator[BinaryIO]:
    import tempfile  # here, so that it does not count as memory of the measuring process, which only reads

    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "w+b") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise

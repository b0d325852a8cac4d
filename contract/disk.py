"""A disk that is full: libraries that cannot write seldom say so."""

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from contract.errors import InputError, TinybertError

MIB = 2**20
SHORT_OF_SPACE_BYTES = 64 * MIB  # the weights of a TinyBERT in fp32
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class DiskFullError(InputError):
    """The disk cannot take what is to be written; another time the same work may come through."""


@contextmanager
def explain_disk_full(folder: Path) -> Iterator[None]:
    """Name a full disk as the cause of what nobody expected inside the block.

    Args:
        folder: what is written to.

    Raises:
        DiskFullError: something failed, and the disk says that it is full or all but full.
    """
    try:
        yield
    except TinybertError:
        raise
    except Exception as error:
        is_full = isinstance(error, OSError) and error.errno in FULL
        cure = more_space(folder) or ("free space on the disk" if is_full else "")
        if not cure:
            raise
        reason = " ".join(str(error).split())
        cause = f"{folder}: cannot be written ({reason})"
        raise DiskFullError(cause, f"{cure}; then run again, it goes on where it was") from error


def preallocate(path: Path) -> None:
    """Take a file's room on the disk before it is written to: on a full one a mapped file ends the process.

    Raises:
        OSError: there is no room.
    """
    if hasattr(os, "posix_fallocate"):  # not on macOS and Windows
        with path.open("r+b") as file:
            os.posix_fallocate(file.fileno(), 0, path.stat().st_size)


def more_space(folder: Path) -> str:
    """Return what to do where the disk of a folder is all but full; nothing where it is not."""
    place = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    free_bytes = shutil.disk_usage(place).free
    return f"free space on the disk, {free_bytes // MIB} MiB are left" if free_bytes < SHORT_OF_SPACE_BYTES else ""

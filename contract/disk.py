"""Full disks, which libraries that cannot write seldom name as the cause."""

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
    """The disk is too full to write to; the same work may succeed another time."""


@contextmanager
def explain_disk_full(folder: Path) -> Iterator[None]:
    """Name a full disk as the cause of an unexpected error inside the block.

    Args:
        folder: the folder that is written to.

    Raises:
        DiskFullError: something failed, and the disk is full or nearly full.
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
        raise DiskFullError(cause, f"{cure}; then run again to continue") from error


def preallocate(path: Path) -> None:
    """Reserve a file's space before it is written to: writing to a mapped file on a full disk kills the process.

    Raises:
        OSError: there is not enough space.
    """
    if hasattr(os, "posix_fallocate"):  # not on macOS and Windows
        with path.open("r+b") as file:
            os.posix_fallocate(file.fileno(), 0, path.stat().st_size)


def more_space(folder: Path) -> str:
    """Return what to do if the disk of a folder is nearly full; an empty string if it is not."""
    existing = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    free_bytes = shutil.disk_usage(existing).free
    return f"free space on the disk, {free_bytes // MIB} MiB are left" if free_bytes < SHORT_OF_SPACE_BYTES else ""

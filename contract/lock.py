"""One run at a time in one output folder."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from contract.disk import explain_disk_full
from contract.errors import InputError
from contract.folder import check_unfinished
from contract.options import is_forced

NAME = ".lock"


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Lock an output folder for this process; the lock of a dead process is taken over.

    A folder that was created for the lock is removed again if nothing was written to it.

    Whether a process of another host is alive cannot be seen from here: its lock is taken over only where the user
    says so (`tinybert --force`).

    Raises:
        InputError: it is a finished folder, it is not writable, or another live process holds it (its pid is named).
        DiskFullError: something failed inside the block, and the disk is full.
    """
    from filelock import SoftFileLock, Timeout

    lock = SoftFileLock(folder / NAME, timeout=0)
    missing: list[Path] = []
    try:
        check_unfinished(folder)
        missing = [path for path in (folder, *folder.parents) if not path.exists()]
        folder.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except Timeout as error:
        if not (is_forced() and _other_host(folder)):
            raise _refusal(folder, lock.pid) from error
        lock.break_lock()
        lock.acquire()
    except OSError as error:
        raise InputError(f"{folder}: cannot be written ({error.strerror})", "choose another --out") from error
    try:
        with explain_disk_full(folder):
            yield
    finally:
        lock.release()
        with suppress(OSError):  # not empty: something was written
            for path in missing:
                path.rmdir()


def _refusal(folder: Path, pid: int | None) -> InputError:
    if pid is None:  # a process died between making the file and writing its name into it
        return InputError(f"{folder / NAME}: names no owner", "delete it if no other run uses the folder")
    host = _other_host(folder)
    if host:
        cure = "wait for it, choose another --out, or, if it has ended, take the folder over with tinybert --force"
        return InputError(f"{folder}: in use by a run on another machine (pid {pid} on {host!r})", cure)
    return InputError(f"{folder}: in use by another run (pid {pid})", "wait for it, stop it, or choose another --out")


def _other_host(folder: Path) -> str:
    """Return the machine whose process holds a folder; empty if it is this one, or nothing says so."""
    with suppress(OSError, UnicodeDecodeError):
        _, host, *_ = [*(folder / NAME).read_text(encoding="utf-8").splitlines(), "", ""]
        return "" if host == socket.gethostname() else host
    return ""

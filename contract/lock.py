"""One run at a time in one output folder."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from contract.disk import explain_disk_full
from contract.errors import InputError
from contract.folder import check_unfinished


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Lock an output folder for this process; the lock of a dead process is taken over.

    A folder that was created for the lock is removed again if nothing was written to it.

    Raises:
        InputError: it is a finished folder, it is not writable, or another live process holds it (its pid is named).
        DiskFullError: something failed inside the block, and the disk is full.
    """
    from filelock import SoftFileLock, Timeout

    check_unfinished(folder)
    lock = SoftFileLock(folder / ".lock", timeout=0)
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except Timeout as error:
        if lock.pid is None:  # a process died between creating the file and writing its pid
            raise InputError(
                f"{lock.lock_file}: names no owner", "delete it if no other run uses the folder"
            ) from error
        raise InputError(
            f"{folder}: in use by another run (pid {lock.pid})",
            "wait for it, stop it, or choose another --out",
        ) from error
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

"""One run at a time in one output folder."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from contract.errors import InputError


@contextmanager
def owned(folder: Path) -> Iterator[None]:
    """Hold an output folder for this process; a lock left by a dead process is taken over.

    Raises:
        InputError: another live process holds the folder; its pid is named.
    """
    from filelock import SoftFileLock, Timeout

    folder.mkdir(parents=True, exist_ok=True)
    lock = SoftFileLock(folder / ".lock", timeout=0)
    try:
        lock.acquire()
    except Timeout as error:
        raise InputError(
            f"{folder}: in use by another run (pid {lock.pid})",
            "wait for it, stop it, or choose another --out",
        ) from error
    try:
        yield
    finally:
        lock.release()

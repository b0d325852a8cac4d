"""The runtimes by name; each is a module with the functions of infer.runtimes.protocol, imported on first use."""

from importlib import import_module
from importlib.util import find_spec
from typing import cast

from contract.errors import InputError, MissingExtraError
from contract.versions import DISTRIBUTION, versions_of
from infer.runtimes.protocol import Runtime
from infer.worker.clock import SYSTEM, Clock
from targets.runtimes import FAKE, PYTORCH, RUNTIMES, Entry

__all__ = ["FAKE", "PYTORCH", "RUNTIMES", "clock_of", "get", "require", "version"]


def get(name: str) -> Runtime:
    """Return a runtime's module, whose `start` imports the library.

    Raises:
        InputError: no such runtime.
    """
    return cast(Runtime, import_module(_entry(name).module))


def require(name: str) -> None:
    """Check that a runtime's library is installed, without importing it.

    Raises:
        InputError: no such runtime.
        MissingExtraError: its library is not installed; the message has the command to install it.
    """
    entry = _entry(name)
    if entry.libraries and not any(find_spec(library) for library in entry.libraries):
        raise MissingExtraError(entry.libraries[0], entry.extra)


def version(name: str) -> str:
    """Return the versions of a runtime's installed distributions, such as `1.32.0` or `torch 2.13.0, …`."""
    entry = _entry(name)
    versions = versions_of(*entry.extras)
    versions.pop(DISTRIBUTION, None)
    if len(entry.extras) == 1:
        return next(iter(versions.values()), "")
    return ", ".join(f"{distribution} {number}" for distribution, number in versions.items())


def clock_of(name: str) -> Clock:
    """Return the clock that a runtime is timed with: the system's, except for the fake, which has its own."""
    if name != FAKE:
        return SYSTEM
    from infer.runtimes.fake import CLOCK

    return CLOCK


def _entry(name: str) -> Entry:
    if name not in RUNTIMES:
        raise InputError(f"unknown runtime {name!r}", f"known: {', '.join(RUNTIMES)}")
    return RUNTIMES[name]

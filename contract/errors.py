"""The errors that a user can meet: each is one line with cause and cure, and each has an exit code.

TinybertError
├── InputError         2  bad input or usage
│   └── MissingExtraError 2  an optional library is not installed
├── GateError          1  a gate failed
├── InconclusiveError  3  a measurement cannot decide
└── WorkerError        4  the device or a worker process failed
    └── UnfinishedError 4  it was stopped from outside
"""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import ClassVar

BROKEN_PIPE_EXIT_CODE = 141
TERMINATED_EXIT_CODE = 143
MEMORY_CURE = "close other programs or use a smaller model"


class TinybertError(Exception):
    """An error with a cause that the user can act on.

    Args:
        cause: what is wrong, naming the file, key or row.
        cure: what to do about it; empty if the cause already says so.
    """

    exit_code: ClassVar[int] = 2

    def __init__(self, cause: str, cure: str = "") -> None:
        super().__init__(cause, cure)
        self.cause = cause
        self.cure = cure

    def __str__(self) -> str:
        return f"{self.cause}: {self.cure}" if self.cure else self.cause


class InputError(TinybertError):
    """The input or the usage is wrong; nothing was written."""


def install(extra: str) -> str:
    """Return how to install an extra of this project, which is not on a package index yet.

    Args:
        extra: its name in pyproject.toml.
    """
    return f"in a clone of tinybert-edge, run pip install -c constraints.txt '.[{extra}]'"


class MissingExtraError(InputError):
    """A library of an optional extra is not installed.

    Args:
        module: the module that could not be imported.
        extra: the extra of this project that installs it.
    """

    def __init__(self, module: str, extra: str) -> None:
        super().__init__(f"{module} is not installed", install(extra))


class GateError(TinybertError):
    """A gate failed: the numbers are valid but not good enough."""

    exit_code = 1


class InconclusiveError(TinybertError):
    """A measurement cannot decide; this never counts as a pass."""

    exit_code = 3


class WorkerError(TinybertError):
    """The device or a worker process failed."""

    exit_code = 4


class UnfinishedError(WorkerError):
    """A process was stopped from outside, so the same work may succeed another time."""


def require(*modules: str, extra: str) -> None:
    """Check that modules are installed, without importing them.

    Raises:
        MissingExtraError: the first that is not.
    """
    for module in modules:
        if find_spec(module) is None:
            raise MissingExtraError(module, extra)


@contextmanager
def needs_extra(extra: str) -> Iterator[None]:
    """Turn a failed import inside the block into an error that names the extra to install.

    Raises:
        MissingExtraError: a module imported inside the block is not installed.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        raise MissingExtraError(error.name or "a library", extra) from error


def near_miss(word: str, known: list[str]) -> str:
    """Return `, did you mean 'x'?` for the known word that is most like this one, or nothing."""
    import difflib  # only errors need it

    close = difflib.get_close_matches(word, known, n=1)
    return f", did you mean {close[0]!r}?" if close else ""

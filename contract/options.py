"""Options of every command, as environment variables, so that the processes that a command starts follow them."""

import os

QUIET = "TINYBERT_QUIET"
VERBOSE = "TINYBERT_VERBOSE"
FORCE = "TINYBERT_FORCE"


def choose(**options: bool) -> None:
    """Set options for this process and those it will start: `quiet`, `verbose` and `force`."""
    for name, is_chosen in options.items():
        if is_chosen:
            os.environ[{"quiet": QUIET, "verbose": VERBOSE, "force": FORCE}[name]] = "1"


def is_quiet() -> bool:
    """Return whether progress and notes are unwanted."""
    return bool(os.environ.get(QUIET))


def is_verbose() -> bool:
    """Return whether the notices of the libraries underneath are wanted."""
    return bool(os.environ.get(VERBOSE))


def is_forced() -> bool:
    """Return whether a folder that a run on another machine has locked is to be taken over."""
    return bool(os.environ.get(FORCE))

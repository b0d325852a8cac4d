"""How much the user wants to see; by environment variables, so that the processes that a command starts follow."""

import os

QUIET = "TINYBERT_QUIET"
VERBOSE = "TINYBERT_VERBOSE"


def choose(*, quiet: bool, verbose: bool) -> None:
    """Set it for this process and those it will start."""
    for name, chosen in ((QUIET, quiet), (VERBOSE, verbose)):
        if chosen:
            os.environ[name] = "1"


def is_quiet() -> bool:
    """Whether progress and notes are unwanted."""
    return bool(os.environ.get(QUIET))


def is_verbose() -> bool:
    """Whether the notices of the libraries underneath are wanted."""
    return bool(os.environ.get(VERBOSE))

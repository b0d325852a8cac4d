"""How much to print, in environment variables, so that it holds for child processes too."""

import os

QUIET = "TINYBERT_QUIET"
VERBOSE = "TINYBERT_VERBOSE"


def choose(*, quiet: bool, verbose: bool) -> None:
    """Set the verbosity of this process and its child processes."""
    for name, chosen in ((QUIET, quiet), (VERBOSE, verbose)):
        if chosen:
            os.environ[name] = "1"


def is_quiet() -> bool:
    """Return whether progress and notes are unwanted."""
    return bool(os.environ.get(QUIET))


def is_verbose() -> bool:
    """Return whether messages of libraries are wanted."""
    return bool(os.environ.get(VERBOSE))

"""How a worker ended, in words."""

import signal

STDERR_TAIL_CHARACTERS = 300
FIRST_WINDOWS_STATUS = 0xC0000000

HINTS = {
    "SIGKILL": "probably for want of memory: close other programs or use a smaller model",
    "SIGILL": "this build of the library uses an instruction the processor lacks: install another version",
    "SIGSEGV": "the library cannot run this model here: try another version of it",
}


def how_it_ended(exit_code: int) -> str:
    """Say how a process ended that gave no answer.

    Args:
        exit_code: as subprocess gives it: the negative signal number after a signal.
    """
    if exit_code < 0:
        name = _signal_name(-exit_code)
        hint = HINTS.get(name)
        return f"was ended by {name} ({hint})" if hint else f"was ended by {name}"
    if exit_code >= FIRST_WINDOWS_STATUS:
        return f"crashed (status {exit_code:#x})"
    return f"ended with exit code {exit_code} and no answer"


def said(stderr: str) -> str:
    """Return the end of what a process wrote to stderr as part of a line; nothing if it wrote nothing."""
    line = " ".join(stderr.split())
    tail = line if len(line) <= STDERR_TAIL_CHARACTERS else f"…{line[-STDERR_TAIL_CHARACTERS:]}"
    return f"; it said: {tail}" if tail else ""


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"

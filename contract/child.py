"""The outside of an isolated process: give it a job and return its answer, or one clear error.

The inside is contract/answer.py. A job is JSON on stdin, and its answer one JSON object on stdout; large data travels
in a file that the job names.
"""

import json
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import contract
from contract import process
from contract.answer import PARENT
from contract.disk import more_space
from contract.errors import MEMORY_CURE, InputError, TinybertError, UnfinishedError, WorkerError
from contract.process import Finished, Limits

__all__ = ["Limits", "ask", "command_of", "describe_exit", "free_memory_bytes"]

NOTE_LINES = 40
TAIL_CHARACTERS = 300
FIRST_WINDOWS_STATUS = 0xC0000000

# Signals that come from outside, such as when memory runs out.
STOPPING = ("SIGHUP", "SIGINT", "SIGKILL", "SIGTERM")
HINTS = {
    "SIGKILL": f"probably out of memory: {MEMORY_CURE}",
    "SIGILL": "this build of the library uses an instruction the processor lacks: install another version",
    "SIGSEGV": "the library cannot run this model here: try another version of it",
}


def command_of(module: str, *options: str) -> tuple[str, ...]:
    """Return the command that runs a module of this project from any working folder.

    Args:
        module: the dotted name.
        options: more options for Python.
    """
    return (sys.executable, "-P", *options, "-m", module)


def free_memory_bytes() -> int:
    """Return the memory that a process can use before another is swapped out."""
    import psutil

    return int(psutil.virtual_memory().available)


def ask(
    command: Sequence[str],
    job: str,
    *,
    name: str,
    folder: Path,
    limits: Limits,
    environment: Mapping[str, str] | None = None,
    cure: str = "",
) -> dict[str, Any]:
    """Do a job in a separate process; when this returns or raises, neither it nor anything it started is left.

    Args:
        command: what to start, usually from `command_of`.
        job: what to do, as JSON.
        name: the process in words, to begin an error with.
        folder: the folder it writes to; if its disk is full, that is named as the cause of an unexpected failure.
        limits: the time, memory and answer it may take.
        environment: variables to add to those of this process.
        cure: what to do if the process fails without naming a cure.

    Returns:
        Its answer.

    Raises:
        InputError: it refused its input.
        UnfinishedError: it was stopped from outside, exceeded a limit, or ran out of disk space.
        WorkerError: it crashed, failed, or gave an invalid answer.
    """
    try:
        finished = process.run(command, job, limits, _environment(environment or {}))
    except OSError as error:
        raise UnfinishedError(f"{name} could not be started ({error.strerror or error})") from error
    answer = _json_object(finished.stdout)
    if answer is not None and "error" not in answer and not finished.killed:
        return answer
    failure = None if answer is None else answer.get("error")
    failed = _reported_error(failure, name, cure) or _exit_error(finished, name)
    if not isinstance(failed, InputError) and (space := more_space(folder)):
        failed = UnfinishedError(failed.cause, space)
    failed.add_note("\n".join(finished.stderr.splitlines()[-NOTE_LINES:]))
    raise failed


def describe_exit(exit_code: int) -> str:
    """Describe the end of a process that gave no answer.

    Args:
        exit_code: as in subprocess: the negative signal number after a signal.
    """
    if exit_code < 0:
        name = _signal_name(exit_code)
        hint = HINTS.get(name)
        return f"was ended by {name} ({hint})" if hint else f"was ended by {name}"
    if exit_code >= FIRST_WINDOWS_STATUS:
        return f"crashed (status {exit_code:#x})"
    return f"ended with exit code {exit_code} and no answer"


def _environment(added: Mapping[str, str]) -> dict[str, str]:
    root = str(Path(contract.__file__).parents[1])
    paths = [root, *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, **added, "PYTHONPATH": os.pathsep.join(paths), PARENT: str(os.getpid())}


def _signal_name(exit_code: int) -> str:
    try:
        return signal.Signals(-exit_code).name
    except ValueError:
        return f"signal {-exit_code}"


def _json_object(stdout: bytes) -> dict[str, Any] | None:
    try:
        value = json.loads(stdout)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _reported_error(failure: object, name: str, cure: str) -> TinybertError | None:
    """Return the error that a process answered with, if it is one."""
    match failure:
        case {"exit_code": InputError.exit_code, "cause": str(cause), "cure": str(reported_cure)}:
            return InputError(cause, reported_cure)
        case {"exit_code": int(), "cause": str(cause), "cure": str(reported_cure)}:
            return WorkerError(f"{name} failed ({cause})", reported_cure or cure)
    return None


def _exit_error(finished: Finished, name: str) -> WorkerError:
    """Return the error of a process that gave no answer, with the end of its stderr."""
    if finished.killed:
        description = f"{finished.killed} and was killed"
    elif finished.stdout and finished.exit_code == 0:
        description = f"gave an invalid answer ({finished.stdout[:60]!r})"
    else:
        description = describe_exit(finished.exit_code)
    is_stopped = finished.killed or (finished.exit_code < 0 and _signal_name(finished.exit_code) in STOPPING)
    kind = UnfinishedError if is_stopped else WorkerError
    return kind(f"{name} {description}{_tail(finished.stderr)}")


def _tail(stderr: str) -> str:
    line = " ".join(stderr.split())
    tail = line if len(line) <= TAIL_CHARACTERS else f"…{line[-TAIL_CHARACTERS:]}"
    return f"; stderr: {tail}" if tail else ""

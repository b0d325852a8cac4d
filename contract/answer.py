"""The inside of an isolated process: it reads a job from stdin and writes one answer to stdout.

The outside is contract/child.py. Standard library only, because the process may be the one that measures.
"""

import json
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from textwrap import shorten
from threading import Thread
from typing import Any, TextIO

from contract.errors import TinybertError, WorkerError

# The process id of the caller: by the time the child looks, its parent may already be another process.
PARENT = "TINYBERT_PARENT"
POLL_S = 1.0
CAUSE_CHARACTERS = 400
PR_SET_PDEATHSIG = 1


def answer(work: Callable[[str], Mapping[str, Any]]) -> int:
    """Answer the one job on stdin; an error is an answer too.

    Args:
        work: returns the answer to a job, both as JSON; anything it prints goes to stderr.

    Returns:
        The exit code to end with.
    """
    end_with_parent()
    with _reserved_stdout() as stream:
        text, exit_code = _answer(work)
        stream.write(text)
    return exit_code


def end_with_parent() -> None:
    """Exit when the parent process dies, even if it is killed.

    On Linux the kernel sends a signal, which also reaches a process that hangs in a library. Elsewhere a thread polls.
    A process that was started by hand is left alone.
    """
    if PARENT not in os.environ:
        return
    parent = int(os.environ[PARENT])
    if not _request_death_signal():
        Thread(target=_exit_after, args=(parent,), daemon=True).start()
    elif not _is_alive(parent):  # it died before the signal was requested
        os._exit(WorkerError.exit_code)


def _request_death_signal() -> bool:
    """Ask Linux to kill this process when the thread that started it ends; return whether it will."""
    if sys.platform != "linux":
        return False
    import ctypes

    return bool(ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL) == 0)


def _exit_after(parent: int) -> None:
    while _is_alive(parent):
        time.sleep(POLL_S)
    os._exit(WorkerError.exit_code)


def _is_alive(parent: int) -> bool:
    if os.name == "posix":
        return os.getppid() == parent
    import psutil  # Windows still reports the id of a parent that has ended

    return bool(psutil.pid_exists(parent))


@contextmanager
def _reserved_stdout() -> Iterator[TextIO]:
    """Reserve stdout for the answer: anything a library prints goes to stderr."""
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as stream:
        os.dup2(2, 1)
        yield stream


def _answer(work: Callable[[str], Mapping[str, Any]]) -> tuple[str, int]:
    try:
        return json.dumps(work(sys.stdin.read())), 0
    except TinybertError as error:
        return _failure(error.exit_code, error.cause, error.cure)
    except Exception as error:  # a library may raise anything; the caller reports it to the user
        traceback.print_exc()
        return _failure(WorkerError.exit_code, _one_line(error), "")


def _failure(exit_code: int, cause: str, cure: str) -> tuple[str, int]:
    return json.dumps({"error": {"exit_code": exit_code, "cause": cause, "cure": cure}}), exit_code


def _one_line(error: Exception) -> str:
    name, message = type(error).__name__, str(error).strip()
    return shorten(f"{name}: {message}" if message else name, CAUSE_CHARACTERS, placeholder=" …")

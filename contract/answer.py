"""One isolated process, from inside: it reads a job from stdin and writes one answer to stdout.

The outer side is contract/child.py. Standard library only: what answers may be the process that measures.
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

# Names the asking process: by the time this one looks, its parent may already be another.
PARENT = "TINYBERT_PARENT"
POLL_S = 1.0
CAUSE_CHARACTERS = 400
PR_SET_PDEATHSIG = 1


def answer(work: Callable[[str], Mapping[str, Any]]) -> int:
    """Answer the one job on stdin; an error is an answer too.

    Args:
        work: returns the answer to a job, both JSON; what it prints goes to stderr.

    Returns:
        The exit code to end with.
    """
    end_with_parent()
    with _stdout_alone() as stream:
        text, exit_code = _answer(work)
        stream.write(text)
    return exit_code


def end_with_parent() -> None:
    """See to it that this process ends with the one that asked, even if that is killed and cannot tell.

    Linux does it by a signal, which also reaches a process that hangs in a library. Elsewhere a thread looks. Whoever
    runs this by hand also ends it by hand.
    """
    if PARENT not in os.environ:
        return
    parent = int(os.environ[PARENT])
    if not _is_signalled():
        Thread(target=_end_with, args=(parent,), daemon=True).start()
    elif not _is_there(parent):  # it was gone before the signal was asked for
        os._exit(WorkerError.exit_code)


def _is_signalled() -> bool:
    """Ask Linux to kill this process when the thread that started it ends; tell whether it will."""
    if sys.platform != "linux":
        return False
    import ctypes

    return bool(ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL) == 0)


def _end_with(parent: int) -> None:
    while _is_there(parent):
        time.sleep(POLL_S)
    os._exit(WorkerError.exit_code)


def _is_there(parent: int) -> bool:
    if os.name == "posix":
        return os.getppid() == parent
    import psutil  # Windows goes on naming a parent that is gone

    return bool(psutil.pid_exists(parent))


@contextmanager
def _stdout_alone() -> Iterator[TextIO]:
    """Keep stdout for the answer alone: whatever a library prints goes to stderr."""
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as stream:
        os.dup2(2, 1)
        yield stream


def _answer(work: Callable[[str], Mapping[str, Any]]) -> tuple[str, int]:
    try:
        return json.dumps(work(sys.stdin.read())), 0
    except TinybertError as error:
        return _failure(error.exit_code, error.cause, error.cure)
    except Exception as error:  # a library may raise anything; the one who asked tells the user
        traceback.print_exc()
        return _failure(WorkerError.exit_code, _in_a_line(error), "")


def _failure(exit_code: int, cause: str, cure: str) -> tuple[str, int]:
    return json.dumps({"error": {"exit_code": exit_code, "cause": cause, "cure": cure}}), exit_code


def _in_a_line(error: Exception) -> str:
    name, said = type(error).__name__, str(error).strip()
    return shorten(f"{name}: {said}" if said else name, CAUSE_CHARACTERS, placeholder=" …")

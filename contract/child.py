"""One isolated process, from outside: it gets a job and is watched, and whatever it does, its caller goes on.

The inner side is contract/answer.py. A job is JSON on stdin, its answer one JSON object on stdout; what is large
travels by a file that the job names.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from threading import Thread
from typing import IO, Any

import contract
from contract.answer import PARENT
from contract.disk import MIB, more_space
from contract.errors import InputError, TinybertError, UnfinishedError, WorkerError

POLL_S = 0.1
# Where nothing is to be looked at, a process that is being timed is left in peace.
REST_S = 1.0
GRACE_S = 5.0
CHUNK_BYTES = 2**16
KEPT_CHUNKS = 4
NOTE_LINES = 40
TAIL_CHARACTERS = 300
FIRST_WINDOWS_STATUS = 0xC0000000

# Signals that come from outside, as when memory runs out.
STOPPING = ("SIGHUP", "SIGINT", "SIGKILL", "SIGTERM")
MEMORY_CURE = "close other programs or use a smaller model"
HINTS = {
    "SIGKILL": f"probably for want of memory: {MEMORY_CURE}",
    "SIGILL": "this build of the library uses an instruction the processor lacks: install another version",
    "SIGSEGV": "the library cannot run this model here: try another version of it",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """What a process may take; one that takes more is killed.

    Attributes:
        seconds: from its start to its end.
        memory_bytes: resident at one time; if not given, nobody looks. It is not the system's limit of address space,
            as libraries reserve far more of that than they use.
        answer_bytes: of its answer.
    """

    seconds: float
    memory_bytes: int | None = None
    answer_bytes: int = 16 * MIB


@dataclass(frozen=True, kw_only=True, slots=True)
class _Ended:
    """How a process ended.

    Attributes:
        exit_code: as subprocess gives it: the negative signal number after a signal.
        killed: what it was killed for here; empty if it was not.
        stderr: the end of what it wrote there.
    """

    exit_code: int
    killed: str
    stdout: bytes
    stderr: str


def command_of(module: str, *options: str) -> tuple[str, ...]:
    """Return the command that runs a module of this project, in whatever folder that happens.

    Args:
        module: its dotted name.
        options: further ones of Python.
    """
    return (sys.executable, "-P", *options, "-m", module)


def free_memory_bytes() -> int:
    """Return the memory that a process may have without another being swapped out."""
    import psutil

    return int(psutil.virtual_memory().available)


def ask(
    command: Sequence[str],
    job: str,
    *,
    who: str,
    folder: Path,
    limits: Limits,
    environment: Mapping[str, str] | None = None,
    cure: str = "",
) -> dict[str, Any]:
    """Do a job in a process of its own; when this returns or raises, neither it nor what it started is left.

    Args:
        command: what to start, mostly from `command_of`.
        job: what to do, JSON.
        who: the process in words, to begin an error with.
        folder: what it writes to; where its disk is full, that is the cause of what nobody expected.
        limits: of its time, memory and answer.
        environment: variables beside those of this process.
        cure: what to do where it fails of itself.

    Returns:
        Its answer.

    Raises:
        InputError: it refused its input.
        UnfinishedError: it was stopped from outside, took more than it may, or found the disk full.
        WorkerError: it crashed or failed, or answered something else.
    """
    ended = _run(command, job, who, limits, environment or {})
    answer = _object_in(ended.stdout)
    if answer is not None and "error" not in answer and not ended.killed:
        return answer
    failure = None if answer is None else answer.get("error")
    error = _told(failure, who, cure) or _untold(ended, who)
    if not isinstance(error, InputError) and (space := more_space(folder)):
        error = UnfinishedError(error.cause, space)
    error.add_note("\n".join(ended.stderr.splitlines()[-NOTE_LINES:]))
    raise error


def describe_exit(exit_code: int) -> str:
    """Say how a process ended that gave no answer.

    Args:
        exit_code: as subprocess gives it: the negative signal number after a signal.
    """
    if exit_code < 0:
        name = _signal_name(exit_code)
        hint = HINTS.get(name)
        return f"was ended by {name} ({hint})" if hint else f"was ended by {name}"
    if exit_code >= FIRST_WINDOWS_STATUS:
        return f"crashed (status {exit_code:#x})"
    return f"ended with exit code {exit_code} and no answer"


def _signal_name(exit_code: int) -> str:
    try:
        return signal.Signals(-exit_code).name
    except ValueError:
        return f"signal {-exit_code}"


def _object_in(stdout: bytes) -> dict[str, Any] | None:
    try:
        value = json.loads(stdout)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _told(failure: object, who: str, cure: str) -> TinybertError | None:
    """Return the error that a process answered with, if that is one."""
    match failure:
        case {"exit_code": InputError.exit_code, "cause": str(cause), "cure": str(own)}:
            return InputError(cause, own)
        case {"exit_code": int(), "cause": str(cause), "cure": str(own)}:
            return WorkerError(f"{who} failed ({cause})", own or cure)
    return None


def _untold(ended: _Ended, who: str) -> WorkerError:
    """Return the error of a process that gave no answer, with the end of what it said."""
    if ended.killed:
        how = f"{ended.killed} and was killed"
    elif ended.stdout and ended.exit_code == 0:
        how = f"did not answer as agreed ({ended.stdout[:60]!r})"
    else:
        how = describe_exit(ended.exit_code)
    is_stopped = ended.killed or (ended.exit_code < 0 and _signal_name(ended.exit_code) in STOPPING)
    kind = UnfinishedError if is_stopped else WorkerError
    return kind(f"{who} {how}{_said(ended.stderr)}")


def _said(stderr: str) -> str:
    line = " ".join(stderr.split())
    tail = line if len(line) <= TAIL_CHARACTERS else f"…{line[-TAIL_CHARACTERS:]}"
    return f"; it said: {tail}" if tail else ""


def _run(command: Sequence[str], job: str, who: str, limits: Limits, environment: Mapping[str, str]) -> _Ended:
    with _started(command, who, environment) as process:
        pipes = _Pipes(process, job.encode(), limits.answer_bytes)
        killed = _watch(process, pipes, limits)
    pipes.close()
    return _Ended(exit_code=process.returncode, killed=killed, stdout=bytes(pipes.stdout), stderr=pipes.stderr)


@contextmanager
def _started(command: Sequence[str], who: str, environment: Mapping[str, str]) -> Iterator["subprocess.Popen[bytes]"]:
    """Start a process; after the block it is gone with all that it started, however the block ends.

    The thread that starts it also waits for it, which Linux needs: what ends with its parent ends with that thread.

    Raises:
        UnfinishedError: the system lets nobody start one now.
    """
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=_environment(environment),
            # A group of its own, so that it can be killed with all its children, and Ctrl-C reaches only the parent.
            start_new_session=os.name == "posix",
            creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
        )
    except OSError as error:
        raise UnfinishedError(f"{who} could not be started ({error.strerror or error})") from error
    try:
        yield process
    finally:
        _kill(process)


def _environment(more: Mapping[str, str]) -> dict[str, str]:
    root = str(Path(contract.__file__).parents[1])
    paths = [root, *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, **more, "PYTHONPATH": os.pathsep.join(paths), PARENT: str(os.getpid())}


def _kill(process: "subprocess.Popen[bytes]") -> None:
    """Kill a process and what it started, which may be there when it itself has long ended."""
    if os.name == "posix":
        with suppress(ProcessLookupError, PermissionError):  # the second is what macOS says of a group of zombies
            os.killpg(process.pid, signal.SIGKILL)
    else:
        _kill_tree(process.pid)
    process.wait()


def _kill_tree(pid: int) -> None:
    import psutil

    with suppress(psutil.Error):
        root = psutil.Process(pid)
        for one in (*root.children(recursive=True), root):
            with suppress(psutil.Error):
                one.kill()


def _watch(process: "subprocess.Popen[bytes]", pipes: "_Pipes", limits: Limits) -> str:
    """Wait for a process to end; return what it is to be killed for, if it took more than it may."""
    step_s = REST_S if limits.memory_bytes is None else POLL_S
    deadline_s = time.monotonic() + limits.seconds
    while process.poll() is None and not pipes.overflowed:
        left_s = deadline_s - time.monotonic()
        if left_s <= 0:
            return f"did not end within {limits.seconds:g} s"
        if limits.memory_bytes is not None and _resident_bytes(process.pid) > limits.memory_bytes:
            return f"took more than {limits.memory_bytes // MIB} MiB of memory ({MEMORY_CURE})"
        pipes.wait(min(step_s, left_s))
    return f"answered more than {limits.answer_bytes // MIB} MiB" if pipes.overflowed else ""


def _resident_bytes(pid: int) -> int:
    import psutil

    try:
        return int(psutil.Process(pid).memory_info().rss)
    except psutil.Error:  # it ended just now
        return 0


class _Pipes:
    """The pipes of a process: written and read by threads, so that a full one holds up nobody.

    Attributes:
        stdout: what it has written there, up to the limit.
        overflowed: it wrote more than that.
    """

    def __init__(self, process: "subprocess.Popen[bytes]", job: bytes, limit_bytes: int) -> None:
        self._process = process
        self._limit_bytes = limit_bytes
        self._stderr: deque[bytes] = deque(maxlen=KEPT_CHUNKS)
        self.stdout = bytearray()
        self.overflowed = False
        self._reader = Thread(target=self._read_stdout, args=(process.stdout,), daemon=True)
        feeder = Thread(target=_feed, args=(process.stdin, job), daemon=True)
        listener = Thread(target=self._read_stderr, args=(process.stderr,), daemon=True)
        self._threads = (self._reader, feeder, listener)
        for thread in self._threads:
            thread.start()

    @property
    def stderr(self) -> str:
        """The end of what it wrote to stderr."""
        return b"".join(self._stderr).decode(errors="replace")

    def wait(self, seconds: float) -> None:
        """Wait until the process has ended or written too much, or for a while; without looking again and again."""
        if self._reader.is_alive():
            self._reader.join(seconds)
        else:  # its stdout is closed, so it is about to end
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(seconds)

    def close(self) -> None:
        """Read what is left; what has left its group and holds a pipe open is not waited for."""
        deadline_s = time.monotonic() + GRACE_S
        for thread in self._threads:
            thread.join(max(0.0, deadline_s - time.monotonic()))

    def _read_stdout(self, stream: IO[bytes]) -> None:
        for chunk in _chunks(stream):
            self.stdout += chunk
            if len(self.stdout) > self._limit_bytes:
                self.overflowed = True
                return

    def _read_stderr(self, stream: IO[bytes]) -> None:
        self._stderr.extend(_chunks(stream))


def _chunks(stream: IO[bytes]) -> Iterator[bytes]:
    with stream:
        yield from iter(partial(os.read, stream.fileno(), CHUNK_BYTES), b"")


def _feed(stream: IO[bytes], job: bytes) -> None:
    with suppress(OSError), stream:  # it may end, or close its stdin, before it has read all
        stream.write(job)

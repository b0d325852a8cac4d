"""Runs a command in a process group of its own, within limits, and leaves nothing of it running."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from threading import Thread
from typing import IO

from contract.disk import MIB
from contract.errors import MEMORY_CURE

POLL_S = 0.1
# Without a memory limit the process may be timing something, so it is polled rarely.
REST_S = 1.0
GRACE_S = 5.0
CHUNK_BYTES = 2**16
KEPT_STDERR_BYTES = 2**18


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """The resources a process may use; it is killed when it exceeds one.

    Attributes:
        seconds: the longest run time.
        memory_bytes: the most resident memory; not watched if not given. This is not the system's limit on address
            space, because libraries reserve far more of that than they use.
        answer_bytes: the longest answer on stdout.
    """

    seconds: float
    memory_bytes: int | None = None
    answer_bytes: int = 16 * MIB


@dataclass(frozen=True, kw_only=True, slots=True)
class Finished:
    """A process that has ended.

    Attributes:
        exit_code: as in subprocess: the negative signal number after a signal.
        killed: the limit that it was killed for; empty if it ended by itself.
        stdout: everything it wrote there, up to the limit.
        stderr: the last part of what it wrote there.
    """

    exit_code: int
    killed: str
    stdout: bytes
    stderr: str


def run(command: Sequence[str], stdin: str, limits: Limits, environment: Mapping[str, str]) -> Finished:
    """Run a command until it ends or exceeds a limit; then neither it nor anything it started is left.

    Args:
        command: the program and its arguments.
        stdin: the text to feed it.
        limits: what it may use.
        environment: all of its environment variables.

    Raises:
        OSError: it could not be started.
    """
    with _started(command, environment) as process:
        pipes = _Pipes(process, stdin.encode(), limits.answer_bytes)
        killed = _watch(process, pipes, limits)
    pipes.close()
    return Finished(exit_code=process.returncode, killed=killed, stdout=bytes(pipes.stdout), stderr=pipes.stderr)


@contextmanager
def _started(command: Sequence[str], environment: Mapping[str, str]) -> Iterator["subprocess.Popen[bytes]"]:
    """Start a process; after the block it and all it started are killed, however the block ends.

    The thread that starts it also waits for it. Linux needs this: a child that dies with its parent dies with the
    parent's thread.
    """
    process = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment,
        # A separate group, so that it can be killed with all its children, and Ctrl-C reaches only the parent.
        start_new_session=os.name == "posix",
        creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
    )
    try:
        yield process
    finally:
        _kill(process)


def _kill(process: "subprocess.Popen[bytes]") -> None:
    """Kill a process and all it started, which may still run after the process itself has ended."""
    if os.name == "posix":
        with suppress(ProcessLookupError, PermissionError):  # macOS raises the second for a group of zombies
            os.killpg(process.pid, signal.SIGKILL)
    else:
        _kill_tree(process.pid)
    process.wait()


def _kill_tree(pid: int) -> None:
    import psutil

    with suppress(psutil.Error):
        root = psutil.Process(pid)
        for process in (*root.children(recursive=True), root):
            with suppress(psutil.Error):
                process.kill()


def _watch(process: "subprocess.Popen[bytes]", pipes: "_Pipes", limits: Limits) -> str:
    """Wait for a process to end; return the limit that it exceeded, if any, in words."""
    step_s = REST_S if limits.memory_bytes is None else POLL_S
    deadline_s = time.monotonic() + limits.seconds
    while process.poll() is None and not pipes.overflowed:
        left_s = deadline_s - time.monotonic()
        if left_s <= 0:
            return f"did not end within {limits.seconds:g} s"
        if limits.memory_bytes is not None and _resident_bytes(process.pid) > limits.memory_bytes:
            return f"used more than {limits.memory_bytes // MIB} MiB of memory ({MEMORY_CURE})"
        pipes.wait(min(step_s, left_s))
    return f"answered more than {limits.answer_bytes // MIB} MiB" if pipes.overflowed else ""


def _resident_bytes(pid: int) -> int:
    import psutil

    try:
        return int(psutil.Process(pid).memory_info().rss)
    except psutil.Error:  # it has just ended
        return 0


class _Pipes:
    """The pipes of a process, written and read by threads, so that a full pipe blocks nobody.

    Attributes:
        stdout: what the process has written there, up to the limit.
        overflowed: whether it wrote more than that.
    """

    def __init__(self, process: "subprocess.Popen[bytes]", stdin: bytes, limit_bytes: int) -> None:
        self._process = process
        self._limit_bytes = limit_bytes
        self._stderr = bytearray()
        self.stdout = bytearray()
        self.overflowed = False
        self._stdout_reader = Thread(target=self._read_stdout, args=(process.stdout,), daemon=True)
        stdin_writer = Thread(target=_write, args=(process.stdin, stdin), daemon=True)
        stderr_reader = Thread(target=self._read_stderr, args=(process.stderr,), daemon=True)
        self._threads = (self._stdout_reader, stdin_writer, stderr_reader)
        for thread in self._threads:
            thread.start()

    @property
    def stderr(self) -> str:
        """The last part of what the process wrote to stderr."""
        return self._stderr.decode(errors="replace")

    def wait(self, seconds: float) -> None:
        """Wait, without polling, until the process has ended or written too much, at most for some seconds."""
        if self._stdout_reader.is_alive():
            self._stdout_reader.join(seconds)
        else:  # its stdout is closed, so it is about to end
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(seconds)

    def close(self) -> None:
        """Read the rest, but do not wait for a process that left the group and holds a pipe open."""
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
        for chunk in _chunks(stream):
            self._stderr += chunk
            del self._stderr[:-KEPT_STDERR_BYTES]


def _chunks(stream: IO[bytes]) -> Iterator[bytes]:
    with stream:
        yield from iter(partial(os.read, stream.fileno(), CHUNK_BYTES), b"")


def _write(stream: IO[bytes], data: bytes) -> None:
    with suppress(OSError), stream:  # the process may end, or close its stdin, before it has read everything
        stream.write(data)

"""The pipes of a worker: read by threads as they fill, and bounded."""

import subprocess
from collections import deque
from contextlib import suppress
from threading import Thread

LIMIT_BYTES = 64 * 2**20
CHUNK_BYTES = 2**16
KEPT_CHUNKS = 4


class Pipes:
    """Reads a process's stdout up to a limit and the end of its stderr.

    Attributes:
        stdout: what it wrote, once it ended.
        overflowed: it wrote more than the limit, and was killed for it.
    """

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self._process = process
        self._stderr: deque[bytes] = deque(maxlen=KEPT_CHUNKS)
        self._threads = [Thread(target=work, daemon=True) for work in (self._read_stdout, self._read_stderr)]
        self.stdout = b""
        self.overflowed = False
        for thread in self._threads:
            thread.start()

    @property
    def stderr(self) -> str:
        """The end of what it wrote to stderr."""
        return b"".join(self._stderr).decode(errors="replace")

    def send(self, data: bytes) -> None:
        """Write all of stdin; a process that does not read it is dealt with when it ends."""
        stream = self._process.stdin
        if stream is not None:
            with suppress(BrokenPipeError), stream:
                stream.write(data)

    def wait(self, timeout_s: float) -> bool:
        """Wait for the process to end; tell whether it did in time."""
        try:
            self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            return False
        for thread in self._threads:
            thread.join(timeout_s)
        return True

    def _read_stdout(self) -> None:
        stream = self._process.stdout
        if stream is not None:
            with stream:
                self.stdout = stream.read(LIMIT_BYTES + 1)
                if len(self.stdout) > LIMIT_BYTES:
                    self.overflowed = True
                    self._process.kill()

    def _read_stderr(self) -> None:
        stream = self._process.stderr
        if stream is not None:
            with stream:
                while chunk := stream.read1(CHUNK_BYTES):  # type: ignore[attr-defined]  # a pipe is buffered
                    self._stderr.append(chunk)

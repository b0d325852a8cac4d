"""Starts a conversion's process, watches over it, and reads its answer."""

import signal
import subprocess
import sys
import time
from pathlib import Path

from contract.errors import WorkerError
from convert.converter import Made
from convert.job import Answer, Job

COMMAND = (sys.executable, "-P", "-m", "convert.job")
TIMEOUT_S = 900.0
POLL_S = 0.1
MIB = 2**20


def convert(job: Job, workplace: Path) -> Made:
    """Do a job in a process of its own.

    Args:
        job: what to convert.
        workplace: an existing folder for the process's input, output and log.

    Raises:
        WorkerError: the process failed, was killed, took too long or too much memory; with the last line it said.
    """
    order, answer, log = (workplace / name for name in ("job.json", "answer.json", "log.txt"))
    order.write_text(job.model_dump_json(), encoding="utf-8")
    with order.open("rb") as stdin, answer.open("wb") as stdout, log.open("wb") as stderr:
        process = subprocess.Popen(COMMAND, stdin=stdin, stdout=stdout, stderr=stderr)
        try:
            exit_code = _watch(process)
        finally:
            process.kill()
            process.wait()
    if exit_code != 0:
        raise WorkerError(_last_words(exit_code, log))
    said = Answer.model_validate_json(answer.read_bytes())
    if said.made is None:
        raise WorkerError(said.cause, said.cure)
    return said.made


def _watch(process: subprocess.Popen[bytes]) -> int:
    """Wait for a process; one that takes too long or too much memory is an error."""
    import psutil

    free_bytes = psutil.virtual_memory().available
    deadline_s = time.monotonic() + TIMEOUT_S
    while True:
        try:
            return process.wait(timeout=POLL_S)
        except subprocess.TimeoutExpired:
            if time.monotonic() > deadline_s:
                raise WorkerError(f"the converter took longer than {TIMEOUT_S:.0f} s") from None
        if _resident_bytes(process.pid) > free_bytes:
            raise WorkerError(f"the converter needs more than the {free_bytes // MIB} MiB of free memory")


def _resident_bytes(pid: int) -> int:
    import psutil

    try:
        return int(psutil.Process(pid).memory_info().rss)
    except psutil.Error:  # it ended just now
        return 0


def _last_words(exit_code: int, log: Path) -> str:
    if exit_code < 0:
        return f"the converter was killed ({signal.Signals(-exit_code).name})"
    lines = [line.strip() for line in log.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
    return f"the converter failed ({lines[-1]})" if lines else f"the converter failed with exit code {exit_code}"

"""Starts a conversion's process, watches over it, and reads its answer."""

import signal
import subprocess
import sys
import time
from pathlib import Path

from contract.disk import MIB, more_space
from contract.errors import UnfinishedError, WorkerError
from convert.converter import Made
from convert.job import Answer, Job

# Warnings are for the log alone, even where the user's environment makes them errors.
COMMAND = (sys.executable, "-P", "-W", "default", "-m", "convert.job")
LOG_TAIL_LINES = 40
TIMEOUT_S = 900.0
POLL_S = 0.1


def convert(job: Job, workplace: Path) -> Made:
    """Do a job in a process of its own.

    Args:
        job: what to convert.
        workplace: an existing folder for the process's input, output and log.

    Raises:
        WorkerError: the process failed, was killed, took too long or too much memory.
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
        raise _with_log(UnfinishedError(f"the converter {_ending(exit_code)}", more_space(workplace)), log)
    said = Answer.model_validate_json(answer.read_bytes())
    if said.made is None:
        raise _with_log(_error(said, workplace), log)
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
                raise UnfinishedError(f"the converter took longer than {TIMEOUT_S:.0f} s") from None
        if _resident_bytes(process.pid) > free_bytes:
            raise UnfinishedError(f"the converter needs more than the {free_bytes // MIB} MiB of free memory")


def _resident_bytes(pid: int) -> int:
    import psutil

    try:
        return int(psutil.Process(pid).memory_info().rss)
    except psutil.Error:  # it ended just now
        return 0


def _ending(exit_code: int) -> str:
    if exit_code < 0:
        return f"was killed by {signal.Signals(-exit_code).name}"
    return f"ended with exit code {exit_code}"


def _error(said: Answer, workplace: Path) -> WorkerError:
    cure = more_space(workplace) if said.unexpected else ""
    return UnfinishedError(said.cause, cure) if cure else WorkerError(said.cause, said.cure)


def _with_log(error: WorkerError, log: Path) -> WorkerError:
    """Add the end of the log to what a traceback shows."""
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    error.add_note("\n".join(lines[-LOG_TAIL_LINES:]))
    return error

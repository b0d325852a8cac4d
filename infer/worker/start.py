"""Starting workers and reading their answers; whatever a worker does, the caller goes on."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, TypeVar

import contract
from contract.errors import UnfinishedError, WorkerError
from contract.tokens import Tokens, write_tokens
from infer.folders.artifact import TOKENIZER
from infer.folders.model import Loadable
from infer.folders.student import EVALUATION
from infer.outputs import Outputs, of_logits
from infer.worker import job as jobs
from infer.worker.exit_status import how_it_ended, said
from infer.worker.job import Job, Mode, WarmUp
from infer.worker.pipes import LIMIT_BYTES, Pipes

if TYPE_CHECKING:
    from infer.worker.reply import LatencyReply, OutputsReply

    Kind = TypeVar("Kind", LatencyReply, OutputsReply)

COMMAND = (sys.executable, "-P", "-m", "infer.worker.main")
TIMEOUT_S = 600.0
# Signals that come from outside, as when memory runs out.
STOPPED = (-signal.SIGTERM, *([-signal.SIGKILL] if os.name == "posix" else []))
# For a search, which compares many models in turn and needs no percentile of any.
SHORT_WARM_UP = WarmUp(calls=5, lasting_ns=150_000_000, cap_ns=1_500_000_000)


def run_worker(
    job: Job, kind: "type[Kind]", *, timeout_s: float = TIMEOUT_S, command: Sequence[str] = COMMAND
) -> "Kind":
    """Run one job in a fresh process.

    Args:
        job: what to do.
        kind: the answer it gives: infer.worker.reply.LatencyReply or OutputsReply.
        timeout_s: after which the process and its children are killed.
        command: what to start.

    Raises:
        InputError: the worker refused its input, such as a file that was changed.
        UnfinishedError: it hung, or was killed.
        WorkerError: it crashed, or answered something else.
    """
    from infer.worker import reply

    source = f"{job.runtime} on {Path(job.folder).name}"
    asked_ns = time.perf_counter_ns()
    process = _start(command, job)
    try:
        pipes = Pipes(process)
        pipes.send(jobs.write(replace(job, asked_ns=asked_ns)).encode())
        ended = pipes.wait(timeout_s)
    finally:
        _kill(process)
    if pipes.overflowed:
        raise WorkerError(f"{source}: the worker answered more than {LIMIT_BYTES // 2**20} MiB and was killed")
    if not ended:
        raise UnfinishedError(
            f"{source}: the worker did not end within {timeout_s:g} s and was killed{said(pipes.stderr)}"
        )
    if not pipes.stdout:
        kind_of_error = UnfinishedError if process.returncode in STOPPED else WorkerError
        raise kind_of_error(f"{source}: the worker {how_it_ended(process.returncode)}{said(pipes.stderr)}")
    return reply.read(pipes.stdout, kind, source)


def outputs_of(model: Loadable, tokens: Tokens | None = None, *, timeout_s: float = TIMEOUT_S) -> Outputs:
    """Run a model over sentences in a fresh process and return its outputs.

    Args:
        model: what to run.
        tokens: N sentences; those of the folder's evaluation.npz if not given.
        timeout_s: after which the process is killed.

    Raises:
        InputError: the model cannot be used so.
        WorkerError: the process failed.
    """
    from infer.worker.reply import OutputsReply

    with TemporaryDirectory(prefix="tinybert-") as scratch:
        job = _job(model, "outputs")
        if tokens is not None:
            path = Path(scratch) / "tokens.npz"
            write_tokens(path, tokens)
            job = replace(job, tokens=str(path.resolve()))
        return of_logits(run_worker(job, OutputsReply, timeout_s=timeout_s).outputs.logits_NC())


def times_of(
    model: Loadable, rows: tuple[int, ...], *, warm_up: WarmUp = SHORT_WARM_UP, timeout_s: float = TIMEOUT_S
) -> tuple[int, ...]:
    """Time a model of an artifact folder in a fresh process.

    Args:
        model: what to time.
        rows: evaluation sentences, in order.
        warm_up: when steady state is reached.
        timeout_s: after which the process is killed.

    Returns:
        Nanoseconds from token ids to logits, a sentence each.

    Raises:
        InputError: the model cannot be used so.
        WorkerError: the process failed.
    """
    from infer.worker.reply import LatencyReply

    tokenizer = str((model.folder / TOKENIZER).resolve())
    job = replace(_job(model, "latency"), tokenizer=tokenizer, rows=rows, warm_up=warm_up)
    return run_worker(job, LatencyReply, timeout_s=timeout_s).infer_ns


def _job(model: Loadable, mode: Mode) -> Job:
    return Job(
        mode=mode,
        folder=str(model.folder.resolve()),
        model_file=model.model_file,
        runtime=model.runtime,
        threads=model.threads,
        inputs=model.inputs,
        buckets=model.buckets,
        tokens=str((model.folder / EVALUATION).resolve()),
        pad_id=model.pad_id,
        files={},
    )


def _start(command: Sequence[str], job: Job) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=_environment(job),
        # A group of its own, so that it can be killed with all its children, and Ctrl-C reaches only the parent.
        start_new_session=os.name == "posix",
    )


def _environment(job: Job) -> dict[str, str]:
    root = str(Path(contract.__file__).parents[1])
    paths = [root, *filter(None, [os.environ.get("PYTHONPATH")])]
    # Where nothing is timed, waiting threads sleep: spinning ones hold up each other when other programs run.
    waiting = {"OMP_WAIT_POLICY": "PASSIVE"} if job.mode == "outputs" else {}
    return {
        **os.environ,
        **waiting,
        "PYTHONPATH": os.pathsep.join(paths),
        "OMP_NUM_THREADS": str(job.threads),
        "MKL_NUM_THREADS": str(job.threads),
        "OPENBLAS_NUM_THREADS": "1",  # NumPy pads sentences here and multiplies nothing
        "TOKENIZERS_PARALLELISM": "false",
        "HF_HUB_OFFLINE": "1",
        "TF_CPP_MIN_LOG_LEVEL": "2",
    }


def _kill(process: "subprocess.Popen[bytes]") -> None:
    if process.poll() is not None:
        return
    if os.name == "posix":
        os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()
    process.wait()

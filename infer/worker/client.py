"""Starts workers and reads their answers; the caller survives whatever a worker does."""

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, TypeVar

from contract.child import Limits, ask, command_of, free_memory_bytes
from contract.tokens import Tokens, write_tokens
from infer.folders.artifact import TOKENIZER
from infer.folders.model import Model
from infer.folders.student import EVALUATION
from infer.outputs import Outputs
from infer.worker import job as jobs
from infer.worker import limit
from infer.worker.job import Job, Mode, WarmUp

if TYPE_CHECKING:
    from infer.worker.reply import LatencyReply, OutputsReply

    Kind = TypeVar("Kind", LatencyReply, OutputsReply)

COMMAND = command_of("infer.worker.main")
TIMEOUT_S = 600.0
# For a search, which compares many models in turn and needs no percentiles.
SHORT_WARM_UP = WarmUp(calls=5, lasting_ns=150_000_000, cap_ns=1_500_000_000)


def run_worker(
    job: Job, kind: "type[Kind]", *, timeout_s: float = TIMEOUT_S, command: Sequence[str] = COMMAND
) -> "Kind":
    """Run one job in a fresh process.

    Args:
        job: what to do.
        kind: the reply to expect: infer.worker.reply.LatencyReply or OutputsReply.
        timeout_s: time after which the process and its children are killed.
        command: the command that starts the worker.

    Raises:
        InputError: the worker refused its input, such as a file that was changed.
        UnfinishedError: it hung, was killed, used too much memory, or ran out of disk space.
        WorkerError: it crashed or gave an invalid answer.
    """
    source = f"{job.model.runtime} on {job.model.folder.name}"
    with TemporaryDirectory(prefix="tinybert-") as scratch:
        file = Path(scratch) / "reply.npz"
        answer = ask(
            command,
            jobs.write(replace(job, reply_file=str(file), asked_ns=time.perf_counter_ns())),
            name=f"{source}: the worker",
            folder=Path(scratch),
            limits=_limits(job, timeout_s),
            environment=_environment(job),
        )
        return kind.read(answer, file, source)


def outputs_of(model: Model, tokens: Tokens | None = None, *, timeout_s: float = TIMEOUT_S) -> Outputs:
    """Run a model on sentences in a fresh process and return its outputs.

    Args:
        model: the model to run.
        tokens: N sentences; those of the folder's evaluation.npz if not given.
        timeout_s: time after which the process is killed.

    Raises:
        InputError: the model or the sentences cannot be used.
        WorkerError: the process failed.
    """
    from infer.worker.reply import OutputsReply

    with TemporaryDirectory(prefix="tinybert-") as scratch:
        job = _job(model, "outputs")
        if tokens is not None:
            path = Path(scratch) / "tokens.npz"
            write_tokens(path, tokens)
            job = replace(job, tokens=str(path.resolve()))
        return run_worker(job, OutputsReply, timeout_s=timeout_s).outputs


def times_of(
    model: Model, rows: tuple[int, ...], *, warm_up: WarmUp = SHORT_WARM_UP, timeout_s: float = TIMEOUT_S
) -> tuple[int, ...]:
    """Time a model of an artifact folder in a fresh process.

    Args:
        model: the model to time.
        rows: numbers of evaluation sentences, in order.
        warm_up: when the warm-up ends.
        timeout_s: time after which the process is killed.

    Returns:
        Nanoseconds from token ids to logits for each sentence.

    Raises:
        InputError: the model or the sentences cannot be used.
        WorkerError: the process failed.
    """
    from infer.worker.reply import LatencyReply

    tokenizer = str((model.folder / TOKENIZER).resolve())
    job = replace(_job(model, "latency"), tokenizer=tokenizer, rows=rows, warm_up=warm_up)
    return run_worker(job, LatencyReply, timeout_s=timeout_s).infer_ns


def _job(model: Model, mode: Mode) -> Job:
    return Job(
        mode=mode,
        model=replace(model, folder=model.folder.resolve()),
        tokens=str((model.folder / EVALUATION).resolve()),
        files={},
    )


def _limits(job: Job, timeout_s: float) -> Limits:
    # Watching memory would disturb the timing; the `outputs` run of the same model has that limit.
    memory_bytes = free_memory_bytes() if job.mode == "outputs" else None
    return Limits(seconds=timeout_s, memory_bytes=memory_bytes)


def _environment(job: Job) -> dict[str, str]:
    # When nothing is timed, waiting threads sleep: spinning threads block each other when other programs run.
    waiting = {"OMP_WAIT_POLICY": "PASSIVE"} if job.mode == "outputs" else {}
    return {
        **waiting,
        limit.VARIABLE: str(limit.limit_bytes(_files_bytes(job.model.folder), job.model.threads)),
        "OMP_NUM_THREADS": str(job.model.threads),
        "MKL_NUM_THREADS": str(job.model.threads),
        "OPENBLAS_NUM_THREADS": "1",  # NumPy only pads sentences here and multiplies nothing
        "TOKENIZERS_PARALLELISM": "false",
        "HF_HUB_OFFLINE": "1",
        "TF_CPP_MIN_LOG_LEVEL": "2",
    }


def _files_bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())

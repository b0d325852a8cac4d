"""The users of isolated processes: the worker that runs a model, and the converter."""

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pytest

from contract.errors import TinybertError
from convert import process
from convert.job import Job as ConverterJob
from infer.folders.graph import encoder
from infer.folders.model import MODEL, Model
from infer.folders.variant import Variant
from infer.worker import job as jobs
from infer.worker.client import run_worker
from infer.worker.job import Job as WorkerJob
from infer.worker.reply import OutputsReply
from targets.profile import Precision, RuntimeName, read

POSIX = pytest.mark.skipif(os.name != "posix", reason="signals of posix")
MIB = 2**20
# A process like ours, with other work.
PROGRAM = """
import json, os, signal, subprocess, sys, time
from pathlib import Path
from contract.answer import answer
from contract.errors import InputError

{before}

def work(job):
    {body}
    {good}

raise SystemExit(answer(work))
"""
WORKER_GOOD = """
    import numpy
    arrays = {"logits.values": numpy.ones((3, 2), numpy.float32), "logits.offsets": numpy.arange(4)}
    numpy.savez(json.loads(job)["reply_file"], **arrays)
    sizes = dict.fromkeys(("started_bytes", "imported_bytes", "loaded_bytes", "peak_bytes"), 1)
    return {"process_ns": 1, "memory": {**sizes, "source": "made up"}}
"""
GRAPH = encoder("model.bin", columns=2, by_token=False)
CONVERTER_GOOD = f"""
    return {{"exported": {{"graph": {asdict(GRAPH)}}}}}
"""
WORKER_CALL = """
from infer.worker import job, reply, client
client.run_worker(job.read(JOB), reply.OutputsReply, command=COMMAND)
"""
CONVERTER_CALL = """
from convert import job, process
process.COMMAND = COMMAND
process.convert(job.Job.model_validate_json(JOB))
"""


@dataclass(frozen=True, kw_only=True)
class User:
    """A user of isolated processes.

    Attributes:
        name: the beginning of its errors.
        good: the end of a program that gives a good answer.
        call: code for a separate caller; uses JOB and COMMAND.
        job: the job as JSON.
        ask: runs a command with a time limit and checks the good answer.
    """

    name: str
    good: str
    call: str
    job: str
    ask: Callable[..., None]

    def does(self, body: str, timeout_s: float = 60.0) -> None:
        """Run a process that does something before it gives a good answer."""
        self.ask(self.command(body), timeout_s)

    def command(self, body: str, before: str = "") -> tuple[str, ...]:
        return shell(PROGRAM.format(body=body, good=self.good, before=before))

    def caller(self, body: str, before: str = "") -> "subprocess.Popen[bytes]":
        """Start a process that starts the process."""
        # The process that runs the tests may ignore the signal.
        ready = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
        code = f"{ready}\nJOB = {self.job!r}\nCOMMAND = {self.command(body, before)!r}\n{self.call}"
        return subprocess.Popen(shell(code), stderr=subprocess.DEVNULL)


def worker(folder: Path) -> User:
    job = WorkerJob(
        mode="outputs",
        model=Model(folder=folder, runtime="fake", graphs={MODEL: GRAPH}, threads=1, pad_id=0),
        tokens="",
        files={},
    )

    def run(command: tuple[str, ...], timeout_s: float) -> None:
        reply = run_worker(job, OutputsReply, timeout_s=timeout_s, command=command)
        assert reply.outputs.logits.values.tolist() == [[1, 1]] * 3

    name = f"fake on {folder.name}: the worker"
    return User(name=name, good=WORKER_GOOD, call=WORKER_CALL, job=jobs.write(job), ask=run)


def converter(folder: Path, monkeypatch: pytest.MonkeyPatch) -> User:
    job = ConverterJob(
        variant=Variant(runtime=RuntimeName.ONNX, precision=Precision.FP32),
        student=folder,
        destination=folder,
        profile=read("laptop-x86"),
        lengths_tokens=(),
        fp32=None,
    )

    def run(command: tuple[str, ...], timeout_s: float) -> None:
        monkeypatch.setattr(process, "COMMAND", command)
        monkeypatch.setattr(process, "TIMEOUT_S", timeout_s)
        assert process.convert(job).graph == GRAPH

    return User(name="the converter", good=CONVERTER_GOOD, call=CONVERTER_CALL, job=job.model_dump_json(), ask=run)


def shell(code: str) -> tuple[str, ...]:
    return (sys.executable, "-c", code)


def failure_of(work: Callable[[], Any]) -> TinybertError:
    with pytest.raises(TinybertError) as caught:
        work()
    assert "\n" not in str(caught.value)
    return caught.value

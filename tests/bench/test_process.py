"""Workers as real processes: whatever one does, the caller gets its numbers or one clear line."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import psutil
import pytest

from contract.digest import sha256_of_file
from contract.errors import InputError, WorkerError
from contract.tokens import Tokens, write_tokens
from infer.worker import job as jobs
from infer.worker.job import Job, WarmUp
from infer.worker.reply import LatencyReply, OutputsReply
from infer.worker.start import run_worker

MIB = 2**20
HEAVY = ("torch", "transformers", "pydantic", "typer", "onnxruntime", "openvino")
MakeJob = Callable[..., Job]


@pytest.fixture
def make_job(tmp_path: Path, tokens: Tokens, run_folder: Path) -> MakeJob:
    """Write a script of the fake and return the job that runs it."""

    def make(script: str = "{}", mode: jobs.Mode = "outputs", rows: tuple[int, ...] = ()) -> Job:
        (tmp_path / "script.json").write_text(script, encoding="utf-8")
        write_tokens(tmp_path / "evaluation.npz", tokens)
        return Job(
            mode=mode,
            folder=str(tmp_path),
            model_file="script.json",
            runtime="fake",
            threads=1,
            inputs=("input_ids", "attention_mask", "token_type_ids"),
            buckets=(),
            tokens=str(tmp_path / "evaluation.npz"),
            tokenizer=str(run_folder / "student-1" / "tokenizer.json"),
            rows=rows,
            files={name: sha256_of_file(tmp_path / name) for name in ("script.json", "evaluation.npz")},
        )

    return make


def shell(code: str) -> tuple[str, ...]:
    """A worker that does something else."""
    return (sys.executable, "-c", code)


def test_a_scripted_block_gives_exactly_its_numbers(make_job: MakeJob) -> None:
    script = json.dumps({"load_ns": 7, "first_infer_ns": 50, "infer_ns": [10, 20], "cores": 2})
    warm_up = WarmUp(calls=10, lasting_ns=1, cap_ns=10_000)
    job = replace(make_job(script, "latency", rows=(0, 3, 0, 4)), warm_up=warm_up)
    reply = run_worker(job, LatencyReply)
    assert (reply.import_ns, reply.load_ns, reply.first_infer_ns) == (30_000_000, 7, 50)
    assert sorted(set(reply.infer_ns)) == [10, 20]
    assert [a + b for a, b in zip(reply.infer_ns, reply.infer_ns[1:], strict=False)] == [30, 30, 30]
    assert reply.cpu_ns == 2 * sum(reply.infer_ns)
    assert reply.tokenize_ns == (0, 0, 0, 0)
    assert reply.process_ns > 0


@pytest.mark.parametrize(("times", "stable"), [([100], True), ([100, 100, 101], True), (list(range(1, 4000)), False)])
def test_warm_up_says_whether_it_settled(make_job: MakeJob, times: list[int], stable: bool) -> None:
    warm_up = WarmUp(calls=10, lasting_ns=1000, cap_ns=100_000)
    job = replace(make_job(json.dumps({"infer_ns": times}), "latency", rows=(0, 1)), warm_up=warm_up)
    assert run_worker(job, LatencyReply).warmup_stable is stable


def test_real_times_are_above_zero(model_of: Callable[[str], object], make_job: MakeJob) -> None:
    model: object = model_of("onnx")
    job = replace(
        make_job(mode="latency", rows=(0, 1, 2)),
        folder=str(model.folder),  # type: ignore[attr-defined]
        model_file="model.onnx",
        runtime="onnx",
        files={},
        warm_up=WarmUp(calls=10, lasting_ns=1000, cap_ns=10_000_000),
    )
    reply = run_worker(job, LatencyReply)
    assert min(reply.tokenize_ns + reply.infer_ns) > 0
    assert min(reply.process_ns, reply.import_ns, reply.load_ns, reply.first_infer_ns, reply.cpu_ns) > 0


@pytest.mark.parametrize("name", ["script.json", "evaluation.npz"])
def test_a_file_changed_by_one_byte_is_refused(make_job: MakeJob, tmp_path: Path, name: str) -> None:
    job = make_job('{"load_ns": 10}')
    data = bytearray((tmp_path / name).read_bytes())
    data[12] ^= 1
    (tmp_path / name).write_bytes(data)
    with pytest.raises(InputError, match=rf"{name}: its SHA-256 is not the expected one: make or copy"):
        run_worker(job, OutputsReply)


def test_a_missing_file_is_refused(make_job: MakeJob, tmp_path: Path) -> None:
    job = make_job()
    (tmp_path / "script.json").unlink()
    with pytest.raises(InputError, match=r"script.json: missing"):
        run_worker(job, OutputsReply)


@pytest.mark.parametrize(
    ("accident", "message"),
    [
        ("crash", "was ended by SIGSEGV"),
        ("kill", "was ended by SIGKILL (probably for want of memory"),
        ("exit", "ended with exit code 7 and no answer"),
        ("error", "RuntimeError: the runtime failed"),
    ],
)
@pytest.mark.skipif(os.name != "posix", reason="signals of posix")
def test_an_accident_is_one_line(make_job: MakeJob, accident: str, message: str) -> None:
    with pytest.raises(WorkerError) as caught:
        run_worker(make_job(json.dumps({"accident": accident})), OutputsReply)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_hanging_worker_is_killed_with_its_children(make_job: MakeJob) -> None:
    children = set(psutil.Process().children(recursive=True))
    with pytest.raises(WorkerError, match="did not end within 2 s and was killed"):
        run_worker(make_job('{"accident": "hang"}'), OutputsReply, timeout_s=2)
    assert set(psutil.Process().children(recursive=True)) <= children


def test_what_a_runtime_prints_is_no_answer(make_job: MakeJob, tokens: Tokens) -> None:
    reply = run_worker(make_job('{"accident": "chatter"}'), OutputsReply)
    assert reply.outputs.logits_NC().shape == (len(tokens), 2)


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("print('not an answer')", "did not answer in JSON"),
        ("print('[]')", "the worker's answer"),
        ("print('{\"process_ns\": 1}')", "missing key 'outputs'"),
        ("print('{\"error\": 3}')", "the worker's error"),
        ("import sys; sys.exit('what it said')", "exit code 1 and no answer; it said: what it said"),
        ("pass", "exit code 0 and no answer"),
        ("import sys\nwhile True: sys.stdout.write('x' * 2**20)", "more than 64 MiB"),
    ],
)
def test_garbage_is_a_worker_error(make_job: MakeJob, code: str, message: str) -> None:
    with pytest.raises(WorkerError) as caught:
        run_worker(make_job(), OutputsReply, command=shell(code), timeout_s=60)
    assert message in str(caught.value)


@pytest.mark.parametrize("text", ["", "{}", "not JSON", '{"mode": "latency", "speed": 1}'])
def test_a_worker_refuses_what_is_no_job(text: str) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "infer.worker.main"], input=text, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 4
    assert "cause" in json.loads(ended.stdout)["error"]


def test_help_imports_nothing_heavy() -> None:
    ended = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "infer.worker.main", "--help"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "a JSON job" in ended.stdout
    imported = {line.rpartition("|")[2].strip().split(".")[0] for line in ended.stderr.splitlines()}
    assert not imported & {*HEAVY, "numpy"}


def test_a_measuring_worker_imports_no_other_runtime(make_job: MakeJob) -> None:
    code = "import sys, infer.worker.main; infer.worker.main.main(); print(*sys.modules, file=sys.stderr)"
    ended = subprocess.run(
        [sys.executable, "-c", code], input=jobs.write(make_job()), capture_output=True, text=True, check=True
    )
    assert "outputs" in json.loads(ended.stdout)
    modules = {name.split(".")[0] for name in ended.stderr.split()}
    assert "numpy" in modules
    assert not modules & set(HEAVY)


@pytest.mark.skipif(sys.platform != "linux", reason="VmHWM")
def test_a_worker_of_a_large_parent_reports_its_own_memory(make_job: MakeJob) -> None:
    ballast = np.ones(600 * MIB, dtype=np.uint8)
    reply = run_worker(make_job(), OutputsReply)
    assert ballast.nbytes == 600 * MIB
    assert reply.memory.peak_bytes < 200 * MIB
    assert reply.memory.source.startswith("VmHWM")
    steps = reply.memory.started_bytes, reply.memory.imported_bytes, reply.memory.peak_bytes
    assert steps == tuple(sorted(steps))


def test_a_job_survives_its_way() -> None:
    job = Job(
        mode="latency",
        folder="a folder",
        model_file="model.onnx",
        runtime="onnx",
        threads=2,
        inputs=("a", "b", "c"),
        buckets=(8, 16),
        tokens="evaluation.npz",
        rows=(3, 1),
        files={"model.onnx": "0" * 64},
    )
    assert jobs.read(jobs.write(job)) == job


@pytest.mark.skipif(os.name != "posix", reason="signals of posix")
def test_an_interrupted_caller_leaves_no_worker(make_job: MakeJob, tmp_path: Path) -> None:
    job = tmp_path / "job.json"
    job.write_text(jobs.write(make_job('{"accident": "hang"}')), encoding="utf-8")
    code = (
        "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); "  # whoever ignores it here
        "from pathlib import Path; from infer.worker import job; from infer.worker.start import run_worker; "
        "from infer.worker.reply import OutputsReply; "
        "run_worker(job.read(Path(sys.argv[1]).read_text()), OutputsReply)"
    )
    caller = subprocess.Popen([sys.executable, "-c", code, str(job)], stderr=subprocess.DEVNULL)
    while not (workers := psutil.Process(caller.pid).children()):
        assert caller.poll() is None
        time.sleep(0.01)
    caller.send_signal(2)
    caller.wait(30)
    gone, alive = psutil.wait_procs(workers, timeout=10)
    assert gone
    assert not alive

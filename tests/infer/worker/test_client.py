"""Workers as real processes: the caller gets exactly their numbers, or one clear line (see also tests/contract)."""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from contract.digest import sha256_of_file
from contract.errors import InputError, WorkerError
from contract.tokens import Tokens, write_tokens
from infer.folders.graph import encoder
from infer.folders.model import MODEL, Model
from infer.worker import job as jobs
from infer.worker import limit, measure
from infer.worker.client import run_worker
from infer.worker.clock import SYSTEM
from infer.worker.job import Job, WarmUp
from infer.worker.reply import LatencyReply, OutputsReply

MIB = 2**20
HEAVY = ("torch", "transformers", "pydantic", "typer", "onnxruntime", "openvino")
CALLER = """
import sys
from pathlib import Path
from typing import Any
from infer.worker import job, reply, client
client.run_worker(job.read(Path(sys.argv[1]).read_text()), reply.OutputsReply)
"""
MakeJob = Callable[..., Job]


def arrays_of(values: str = "np.ones((3, 2), np.float32)", count: int = 3, role: str = "logits") -> str:
    """Return the arguments of np.savez that write an output."""
    return f"**{{'{role}.values': {values}, '{role}.offsets': np.arange({count + 1})}}"


@pytest.fixture
def make_job(tmp_path: Path, tokens: Tokens, run_folder: Path) -> MakeJob:
    """Write a script of the fake and return the job that runs it."""

    def make(script: str = "{}", mode: jobs.Mode = "outputs", rows: tuple[int, ...] = ()) -> Job:
        (tmp_path / "script.json").write_text(script, encoding="utf-8")
        write_tokens(tmp_path / "evaluation.npz", tokens)
        return Job(
            mode=mode,
            model=Model(
                folder=tmp_path,
                runtime="fake",
                graphs={MODEL: encoder("script.json", columns=2, by_token=False)},
                threads=1,
                pad_id=0,
            ),
            tokens=str(tmp_path / "evaluation.npz"),
            tokenizer=str(run_folder / "student-1" / "tokenizer.json"),
            rows=rows,
            files={name: sha256_of_file(tmp_path / name) for name in ("script.json", "evaluation.npz")},
        )

    return make


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


def test_real_times_are_above_zero(model_of: Callable[[str], Any], make_job: MakeJob) -> None:
    model = model_of("onnx")
    job = make_job(mode="latency", rows=(0, 1, 2))
    graphs = {MODEL: model.graph}
    job = replace(
        job,
        model=replace(job.model, folder=model.folder, runtime="onnx", graphs=graphs),
        files={},
        warm_up=WarmUp(calls=10, lasting_ns=1000, cap_ns=10_000_000),
    )
    reply = run_worker(job, LatencyReply)
    assert min(reply.tokenize_ns + reply.infer_ns) > 0
    assert min(reply.process_ns, reply.import_ns, reply.load_ns, reply.first_infer_ns, reply.cpu_ns) > 0


def test_a_clock_that_is_set_back_during_a_block_changes_no_time(
    make_job: MakeJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_back = count(10**18, -(10**9))
    monkeypatch.setattr(time, "time", lambda: next(set_back) / 1e9)
    monkeypatch.setattr(time, "time_ns", lambda: next(set_back))
    job = replace(make_job(mode="latency", rows=(0, 1, 2)), warm_up=WarmUp(calls=10, lasting_ns=1, cap_ns=10**8))
    reply = measure.latency(job, SYSTEM)
    for name in ("infer_ns", "tokenize_ns"):
        assert 0 < min(reply[name]) <= max(reply[name]) < 10**9


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
        ("kill", "was ended by SIGKILL (probably out of memory"),
        ("exit", "ended with exit code 7 and no answer"),
        ("error", "failed (RuntimeError: the runtime failed)"),
        ("hang", "did not end within 2 s and was killed"),
    ],
)
@pytest.mark.skipif(os.name != "posix", reason="signals of posix")
def test_an_accident_in_a_runtime_is_one_line(make_job: MakeJob, accident: str, message: str) -> None:
    with pytest.raises(WorkerError) as caught:
        run_worker(make_job(json.dumps({"accident": accident})), OutputsReply, timeout_s=2)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.skipif(sys.platform != "linux", reason="RLIMIT_DATA")
def test_a_worker_that_takes_too_much_memory_is_named_with_its_limit(
    make_job: MakeJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = make_job(json.dumps({"accident": "memory"}))
    run_worker(job, OutputsReply)  # a GiB is within the limit
    monkeypatch.setattr(limit, "BASE_BYTES", 512 * MIB)
    with pytest.raises(WorkerError) as caught:
        run_worker(job, OutputsReply)
    assert re.search(r"probably out of memory; peak \d+ MiB, limit 5\d\d MiB\)", str(caught.value))
    assert "\n" not in str(caught.value)


def test_outputs_come_with_what_a_runtime_prints_and_leave_no_file(
    make_job: MakeJob, tokens: Tokens, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    reply = run_worker(make_job('{"accident": "chatter"}'), OutputsReply)
    logits_NC = reply.outputs.logits.values
    assert logits_NC.shape == (len(tokens), 2)
    assert logits_NC.dtype == np.float32
    assert not list(folder.iterdir())


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ("", r"cannot be read \(.*reply.npz: missing or not a regular file"),
        ("logits=np.array([{}], dtype=object)", r"cannot be read \(.*'logits.npy' has pickled objects"),
        ("logits=np.ones((3, 2))", r"are invalid \(logits: float64 \(3, 2\)\)"),
        (arrays_of("np.ones((3, 2))"), r"are invalid \(logits.values: float64 \(3, 2\), logits.offsets: "),
        (arrays_of("np.ones(3, np.float32)"), r"are invalid \(logits.values: float32 \(3,\), logits.offsets: "),
        (arrays_of("np.ones((2, 2), np.float32)"), r"are invalid \(logits.values: float32 \(2, 2\), "),
        (arrays_of() + ", other=np.ones(1)", r"are invalid \(logits.values: .*, other: "),
        (f"{arrays_of()}, {arrays_of('np.ones((0, 2), np.float32)', 0, 'more')}", r"are invalid \(logits.values"),
    ],
)
def test_a_file_that_holds_no_outputs_is_refused(make_job: MakeJob, arrays: str, message: str) -> None:
    sizes = dict.fromkeys(("started_bytes", "imported_bytes", "loaded_bytes", "peak_bytes"), 1)
    answer = json.dumps({"process_ns": 1, "memory": {**sizes, "source": "made up"}})
    write = f"np.savez(json.load(sys.stdin)['reply_file'], {arrays})" if arrays else "sys.stdin.read()"
    command = (sys.executable, "-c", f"import json, sys, numpy as np; {write}; print({answer!r})")
    with pytest.raises(WorkerError, match=f"the worker's outputs {message}"):
        run_worker(make_job(), OutputsReply, command=command)


def test_outputs_that_the_disk_does_not_take_are_named(make_job: MakeJob, tmp_path: Path) -> None:
    folder = tmp_path / "temporary"
    folder.mkdir()
    job = tmp_path / "job.json"
    job.write_text(jobs.write(make_job(json.dumps({"logits": [[1.0] * 1000]}))), encoding="utf-8")
    mounted = ("unshare", "--map-root-user", "--mount", "bash", "-c", 'mount -t tmpfs -o size=8k x "$TMPDIR" && "$@"')
    command = (*mounted, "bash", sys.executable, "-c", CALLER, str(job))
    try:
        ended = subprocess.run(
            command, env={**os.environ, "TMPDIR": str(folder)}, capture_output=True, text=True, check=False
        )
    except FileNotFoundError:
        pytest.skip("this system has no unshare")
    if "mount" in ended.stderr or "unshare" in ended.stderr:
        pytest.skip("this system lets nobody mount a file system of their own")
    (error,) = [line for line in ended.stderr.splitlines() if line.startswith("contract.errors.UnfinishedError: ")]
    assert "the worker failed (OSError: [Errno 28]" in error
    assert error.endswith("free space on the disk, 0 MiB are left")


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


def test_a_measuring_worker_imports_no_other_runtime(make_job: MakeJob, tmp_path: Path) -> None:
    code = "import sys, infer.worker.main; infer.worker.main.main(); print(*sys.modules, file=sys.stderr)"
    job = jobs.write(replace(make_job(), reply_file=str(tmp_path / "reply.npz")))
    ended = subprocess.run([sys.executable, "-c", code], input=job, capture_output=True, text=True, check=True)
    assert "memory" in json.loads(ended.stdout)
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
        model=Model(
            folder=Path("a folder"),
            runtime="onnx",
            graphs={MODEL: encoder("model.onnx", columns=2, by_token=True, source_lengths=(8, 16))},
            threads=2,
            pad_id=3,
        ),
        tokens="evaluation.npz",
        rows=(3, 1),
        files={"model.onnx": "0" * 64},
    )
    assert jobs.read(jobs.write(job)) == job

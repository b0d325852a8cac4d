"""Whatever a process does, the one who asked gets an answer or one clear line, and nothing is left behind.

Both users go through the same table: the worker that runs a model, and the converter.
"""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from threading import Thread
from types import SimpleNamespace
from typing import Any

import psutil
import pytest

from contract.child import Limits, ask, describe_exit
from contract.errors import InputError, TinybertError, UnfinishedError, WorkerError
from convert import process
from convert.job import Job as ConverterJob
from infer.folders.graph import encoder
from infer.folders.model import MODEL, Model
from infer.folders.variant import Variant
from infer.worker import job as jobs
from infer.worker.job import Job as WorkerJob
from infer.worker.reply import OutputsReply
from infer.worker.start import run_worker
from targets.profile import Precision, RuntimeName, read

POSIX = pytest.mark.skipif(os.name != "posix", reason="signals of posix")
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="a signal of Linux")
MIB = 2**20
# A process like ours that does something else with its job.
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
from infer.worker import job, reply, start
start.run_worker(job.read(JOB), reply.OutputsReply, command=COMMAND)
"""
CONVERTER_CALL = """
from convert import job, process
process.COMMAND = COMMAND
process.convert(job.Job.model_validate_json(JOB))
"""
LETS_NOBODY_ELSE_RUN = "import re; re.match('(a+)+$', 'a' * 64 + 'b')"
GRANDCHILD = "one = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])"


@dataclass(frozen=True, kw_only=True)
class User:
    """One who has something done in a process of its own.

    Attributes:
        who: how its errors begin.
        good: the end of a program that answers well.
        call: what a caller of its own runs; knows JOB and COMMAND.
        job: JSON.
        ask: runs a command with a time limit, and checks what was answered well.
    """

    who: str
    good: str
    call: str
    job: str
    ask: Callable[..., None]

    def does(self, body: str, timeout_s: float = 60.0) -> None:
        """Ask a process that does something else before it answers well."""
        self.ask(self.command(body), timeout_s)

    def command(self, body: str, before: str = "") -> tuple[str, ...]:
        return shell(PROGRAM.format(body=body, good=self.good, before=before))

    def caller(self, body: str, before: str = "") -> "subprocess.Popen[bytes]":
        """Start a process that asks a process."""
        # Whoever runs the tests may ignore the signal.
        ready = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
        code = f"{ready}\nJOB = {self.job!r}\nCOMMAND = {self.command(body, before)!r}\n{self.call}"
        return subprocess.Popen(shell(code), stderr=subprocess.DEVNULL)


@pytest.fixture(params=["worker", "converter"])
def user(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> User:
    return worker(tmp_path) if request.param == "worker" else converter(tmp_path, monkeypatch)


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

    who = f"fake on {folder.name}: the worker"
    return User(who=who, good=WORKER_GOOD, call=WORKER_CALL, job=jobs.write(job), ask=run)


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

    return User(who="the converter", good=CONVERTER_GOOD, call=CONVERTER_CALL, job=job.model_dump_json(), ask=run)


def shell(code: str) -> tuple[str, ...]:
    return (sys.executable, "-c", code)


def failure_of(work: Callable[[], Any]) -> TinybertError:
    with pytest.raises(TinybertError) as caught:
        work()
    assert "\n" not in str(caught.value)
    return caught.value


def wait_until(is_so: Callable[[], bool], seconds: float = 20.0) -> None:
    deadline_s = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline_s
        time.sleep(0.01)


def is_gone(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)  # nobody may be there to bury it
    except psutil.NoSuchProcess:
        return True


def writes(file: Path, pid: str) -> str:
    """Return the statement that writes a pid; the full stop says that it is all there."""
    return f"Path({str(file)!r}).write_text(f'{{{pid}}}.')"


def pid_in(file: Path) -> int:
    wait_until(lambda: file.is_file() and file.read_text().endswith("."))
    return int(file.read_text().rstrip("."))


def test_a_good_answer_arrives_alone(user: User, capfd: pytest.CaptureFixture[str]) -> None:
    user.does("print('INFO'); os.write(1, b'INFO'); subprocess.run(['echo', 'INFO']); sys.stderr.write('x' * 2**20)")
    assert capfd.readouterr() == ("", "")


@POSIX
@pytest.mark.parametrize(
    ("body", "message", "kind"),
    [
        (
            "os.kill(os.getpid(), signal.SIGSEGV)",
            "was ended by SIGSEGV (the library cannot run this model",
            WorkerError,
        ),
        ("os.kill(os.getpid(), signal.SIGILL)", "was ended by SIGILL (this build of the library uses", WorkerError),
        ("os.abort()", "was ended by SIGABRT", WorkerError),
        ("os.kill(os.getpid(), signal.SIGKILL)", "was ended by SIGKILL (probably for want of memory", UnfinishedError),
        ("os.kill(os.getpid(), signal.SIGTERM)", "was ended by SIGTERM", UnfinishedError),
        ("os._exit(7)", "ended with exit code 7 and no answer", WorkerError),
        ("sys.exit('what\\nit said')", "ended with exit code 1 and no answer; it said: what it said", WorkerError),
        ("raise RuntimeError('two\\nlines')", "failed (RuntimeError: two lines)", WorkerError),
        ("raise ValueError", "failed (ValueError)", WorkerError),
        ("return object()", "failed (TypeError: Object of type object is not JSON serializable)", WorkerError),
    ],
)
def test_every_end_is_an_error_of_one_line(user: User, body: str, message: str, kind: type[WorkerError]) -> None:
    error = failure_of(lambda: user.does(body))
    assert str(error).startswith(f"{user.who} {message}")
    assert type(error) is kind


def test_a_refusal_is_told_as_it_was_said(user: User) -> None:
    error = failure_of(lambda: user.does("raise InputError('no such file', 'make it')"))
    assert (str(error), type(error)) == ("no such file: make it", InputError)


def test_a_traceback_is_kept_for_those_who_ask(user: User) -> None:
    error = failure_of(lambda: user.does("raise RuntimeError('no')"))
    assert "in work" in error.__notes__[0]


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("print('not an answer')", "did not answer as agreed (b'not an answer"),
        ("print('[]')", "did not answer as agreed"),
        ("print('[' * 100_000)", "did not answer as agreed"),
        ("print('{\"error\": 3}')", "did not answer as agreed"),
        ("print('{\"speed\": 3}')", "'s answer: unknown key 'speed'"),
        ("print('{}')", "'s answer: missing key"),
        ("import sys; print('x'); sys.exit(3)", "ended with exit code 3 and no answer"),
        ("pass", "ended with exit code 0 and no answer"),
        ("import os; os.close(1)", "ended with exit code 0 and no answer"),
        ("import os\nwhile True: os.write(1, b'x' * 2**20)", "answered more than 16 MiB and was killed"),
    ],
)
def test_what_is_no_answer_is_said(user: User, code: str, message: str) -> None:
    error = failure_of(lambda: user.ask(shell(code), 60.0))
    assert str(error).startswith(user.who)
    assert message in str(error)
    assert isinstance(error, WorkerError)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("time.sleep(600)", ""),
        ("print('almost there', flush=True); time.sleep(600)", "; it said: almost there"),
        ("os.close(1); os.close(2); time.sleep(600)", ""),
        ("while True: print('x' * 999)", "; it said: …xxx"),
    ],
)
def test_what_hangs_is_killed(user: User, body: str, said: str) -> None:
    error = failure_of(lambda: user.does(body, timeout_s=1))
    assert isinstance(error, UnfinishedError)
    assert str(error).startswith(f"{user.who} did not end within 1 s and was killed{said}")


@pytest.mark.parametrize("end", ["time.sleep(600)", "os._exit(1)", "pass"])
def test_nothing_that_a_process_started_outlives_it(user: User, tmp_path: Path, end: str) -> None:
    file = tmp_path / "pid"
    body = f"{GRANDCHILD}; {writes(file, 'one.pid')}; {end}"
    if end == "pass":
        user.does(body)  # the grandchild holds the pipes, and holds up nobody
    else:
        failure_of(lambda: user.does(body, timeout_s=3))
    wait_until(lambda: is_gone(pid_in(file)))


def test_too_much_memory_ends_a_process(user: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=128 * MIB))
    user.does("pass")
    error = failure_of(lambda: user.does("hog = b'x' * 2**28; time.sleep(600)"))
    assert isinstance(error, UnfinishedError)
    assert str(error).startswith(f"{user.who} took more than 128 MiB of memory (close other programs")


@pytest.mark.parametrize(
    ("body", "message", "kind"),
    [
        ("raise RuntimeError('no')", "failed (RuntimeError: no): free space on the disk, 3 MiB", UnfinishedError),
        ("os._exit(1)", "ended with exit code 1 and no answer: free space on the disk, 3 MiB", UnfinishedError),
        ("raise InputError('no', 'yes')", "no: yes", InputError),
    ],
)
def test_a_full_disk_is_the_cause_of_what_no_one_expected(
    user: User, monkeypatch: pytest.MonkeyPatch, body: str, message: str, kind: type[TinybertError]
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=3 * MIB))
    error = failure_of(lambda: user.does(body))
    assert message in str(error)
    assert type(error) is kind


def test_what_cannot_be_started_is_an_error(user: User) -> None:
    error = failure_of(lambda: user.ask(("no-such-program",), 1.0))
    assert str(error) == f"{user.who} could not be started (No such file or directory)"


@POSIX
@pytest.mark.parametrize(
    ("before", "hang"),
    [
        pytest.param("", "time.sleep(600)", id="waits"),
        pytest.param("", LETS_NOBODY_ELSE_RUN, id="hangs in a library", marks=LINUX),
        pytest.param("import contract.answer; contract.answer._is_signalled = bool", "time.sleep(600)", id="elsewhere"),
    ],
)
def test_a_process_ends_with_its_caller_that_is_killed(user: User, tmp_path: Path, before: str, hang: str) -> None:
    file = tmp_path / "pid"
    caller = user.caller(f"{writes(file, 'os.getpid()')}; {hang}", before)
    pid = pid_in(file)
    caller.kill()
    caller.wait()
    wait_until(lambda: is_gone(pid), seconds=5)


@POSIX
def test_an_interrupted_caller_leaves_no_process(user: User, tmp_path: Path) -> None:
    own, others = tmp_path / "child", tmp_path / "grandchild"
    body = f"{GRANDCHILD}; {writes(own, 'os.getpid()')}; {writes(others, 'one.pid')}; time.sleep(600)"
    caller = user.caller(body)
    pids = [pid_in(own), pid_in(others)]
    caller.send_signal(signal.SIGINT)
    caller.wait(30)
    wait_until(lambda: all(map(is_gone, pids)), seconds=5)


def test_a_thread_that_ends_takes_no_other_process_with_it(user: User) -> None:
    ended: list[str] = []

    def work(name: str, seconds: float) -> None:
        user.does(f"time.sleep({seconds})")
        ended.append(name)

    threads = [Thread(target=work, args=one) for one in (("short", 0.1), ("long", 2.0))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert ended == ["short", "long"]


def test_a_job_that_nobody_reads_holds_up_nobody(tmp_path: Path) -> None:
    command, limits = shell("import time; time.sleep(600)"), Limits(seconds=1)
    error = failure_of(lambda: ask(command, "x" * MIB, who="it", folder=tmp_path, limits=limits))
    assert "did not end within 1 s" in str(error)


@pytest.mark.parametrize(
    ("exit_code", "words"),
    [(3, "ended with exit code 3"), (-99, "was ended by signal 99"), (0xC0000005, "crashed (status 0xc0000005)")],
)
def test_an_exit_code_is_told_in_words(exit_code: int, words: str) -> None:
    assert describe_exit(exit_code).startswith(words)

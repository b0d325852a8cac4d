"""A process that exceeds a limit is killed, and nothing that a process started is left behind."""

import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from threading import Thread
from types import SimpleNamespace

import psutil
import pytest

from contract.child import Limits, ask
from contract.errors import UnfinishedError
from contract.process import run
from tests.contract.users import MIB, POSIX, User, failure_of, shell

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="a signal of Linux")
HOLDS_THE_GIL = "import re; re.match('(a+)+$', 'a' * 64 + 'b')"
GRANDCHILD = "grandchild = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])"


def wait_until(is_so: Callable[[], bool], seconds: float = 20.0) -> None:
    deadline_s = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline_s
        time.sleep(0.01)


def is_gone(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)  # its parent may not have reaped it
    except psutil.NoSuchProcess:
        return True


def writes(file: Path, pid: str) -> str:
    """Return a statement that writes a pid and a full stop, which shows that the file is complete."""
    return f"Path({str(file)!r}).write_text(f'{{{pid}}}.')"


def pid_in(file: Path) -> int:
    wait_until(lambda: file.is_file() and file.read_text().endswith("."))
    return int(file.read_text().rstrip("."))


@pytest.mark.parametrize(
    ("body", "tail"),
    [
        ("time.sleep(600)", ""),
        ("print('almost there', flush=True); time.sleep(600)", "; stderr: almost there"),
        ("os.close(1); os.close(2); time.sleep(600)", ""),
        ("while True: print('x' * 999)", "; stderr: …xxx"),
    ],
)
def test_what_hangs_is_killed(user: User, body: str, tail: str) -> None:
    error = failure_of(lambda: user.does(body, timeout_s=1))
    assert isinstance(error, UnfinishedError)
    assert str(error).startswith(f"{user.name} did not end within 1 s and was killed{tail}")


@pytest.mark.parametrize("end", ["time.sleep(600)", "os._exit(1)", "pass"])
def test_nothing_that_a_process_started_outlives_it(user: User, tmp_path: Path, end: str) -> None:
    file = tmp_path / "pid"
    body = f"{GRANDCHILD}; {writes(file, 'grandchild.pid')}; {end}"
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
    assert str(error).startswith(f"{user.name} used more than 128 MiB of memory (close other programs")


@POSIX
@pytest.mark.parametrize(
    ("before", "hang"),
    [
        pytest.param("", "time.sleep(600)", id="waits"),
        pytest.param("", HOLDS_THE_GIL, id="hangs in a library", marks=LINUX),
        pytest.param(
            "import contract.answer; contract.answer._request_death_signal = bool", "time.sleep(600)", id="elsewhere"
        ),
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
    child, grandchild = tmp_path / "child", tmp_path / "grandchild"
    body = f"{GRANDCHILD}; {writes(child, 'os.getpid()')}; {writes(grandchild, 'grandchild.pid')}; time.sleep(600)"
    caller = user.caller(body)
    pids = [pid_in(child), pid_in(grandchild)]
    caller.send_signal(signal.SIGINT)
    caller.wait(30)
    wait_until(lambda: all(map(is_gone, pids)), seconds=5)


def test_a_thread_that_ends_takes_no_other_process_with_it(user: User) -> None:
    ended: list[str] = []

    def work(name: str, seconds: float) -> None:
        user.does(f"time.sleep({seconds})")
        ended.append(name)

    threads = [Thread(target=work, args=arguments) for arguments in (("short", 0.1), ("long", 2.0))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert ended == ["short", "long"]


def test_a_job_that_nobody_reads_holds_up_nobody(tmp_path: Path) -> None:
    command, limits = shell("import time; time.sleep(600)"), Limits(seconds=1)
    error = failure_of(lambda: ask(command, "x" * MIB, name="it", folder=tmp_path, limits=limits))
    assert "did not end within 1 s" in str(error)


@pytest.mark.parametrize(("lines", "first"), [(2_000, 0), (40_000, None)])
def test_the_last_256_kib_of_stderr_are_kept(lines: int, first: int | None) -> None:
    """However small the pieces are that they are written in."""
    code = f"import os\nfor line in range({lines}): os.write(2, b'%6d, nineteen bytes\\n' % line)"
    finished = run([sys.executable, "-c", code], "", Limits(seconds=60), dict(os.environ))
    said = finished.stderr.splitlines()
    assert len(finished.stderr) == min(lines * 23, 2**18)
    assert said[-1] == f"{lines - 1:6}, nineteen bytes"
    assert first is None or said[0].startswith(f"{first:6},")

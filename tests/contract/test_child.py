"""The caller of a process gets its answer or one clear line, whatever the process does."""

import shutil
from types import SimpleNamespace

import pytest

from contract.child import describe_exit
from contract.errors import InputError, TinybertError, UnfinishedError, WorkerError
from tests.contract.users import MIB, POSIX, User, failure_of, shell


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
        ("os.kill(os.getpid(), signal.SIGKILL)", "was ended by SIGKILL (probably out of memory", UnfinishedError),
        ("os.kill(os.getpid(), signal.SIGTERM)", "was ended by SIGTERM", UnfinishedError),
        ("os._exit(7)", "ended with exit code 7 and no answer", WorkerError),
        ("sys.exit('what\\nit said')", "ended with exit code 1 and no answer; stderr: what it said", WorkerError),
        ("raise RuntimeError('two\\nlines')", "failed (RuntimeError: two lines)", WorkerError),
        ("raise ValueError", "failed (ValueError)", WorkerError),
        ("return object()", "failed (TypeError: Object of type object is not JSON serializable)", WorkerError),
    ],
)
def test_every_end_is_an_error_of_one_line(user: User, body: str, message: str, kind: type[WorkerError]) -> None:
    error = failure_of(lambda: user.does(body))
    assert str(error).startswith(f"{user.name} {message}")
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
        ("print('not an answer')", "gave an invalid answer (b'not an answer"),
        ("print('[]')", "gave an invalid answer"),
        ("print('[' * 100_000)", "gave an invalid answer"),
        ("print('{\"error\": 3}')", "gave an invalid answer"),
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
    assert str(error).startswith(user.name)
    assert message in str(error)
    assert isinstance(error, WorkerError)


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
    assert str(error) == f"{user.name} could not be started (No such file or directory)"


@pytest.mark.parametrize(
    ("exit_code", "words"),
    [(3, "ended with exit code 3"), (-99, "was ended by signal 99"), (0xC0000005, "crashed (status 0xc0000005)")],
)
def test_an_exit_code_is_told_in_words(exit_code: int, words: str) -> None:
    assert describe_exit(exit_code).startswith(words)

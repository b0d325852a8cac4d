"""One run at a time in one output folder."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from contract.errors import InputError
from contract.lock import locked
from contract.options import FORCE

HOLD = """
import sys
from pathlib import Path
from contract.lock import locked
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def holder(tmp_path: Path) -> Iterator["subprocess.Popen[str]"]:
    """Another process that holds the folder until its standard input is closed."""
    command = [sys.executable, "-c", HOLD, str(tmp_path / "out")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_a_second_run_is_refused_and_told_the_owner(holder: "subprocess.Popen[str]", tmp_path: Path) -> None:
    with pytest.raises(InputError, match=rf"in use by another run \(pid {holder.pid}\)"), locked(tmp_path / "out"):
        pytest.fail("was let in")
    assert holder.poll() is None


def test_the_folder_is_free_when_the_run_ends(holder: "subprocess.Popen[str]", tmp_path: Path) -> None:
    holder.communicate(timeout=60)
    with locked(tmp_path / "out"):
        assert (tmp_path / "out" / ".lock").exists()
    assert not (tmp_path / "out").exists()


@pytest.mark.skipif(os.name != "posix", reason="no SIGKILL")
def test_the_lock_of_a_dead_process_is_taken_over(holder: "subprocess.Popen[str]", tmp_path: Path) -> None:
    holder.send_signal(signal.SIGKILL)
    holder.wait(timeout=60)
    assert (tmp_path / "out" / ".lock").exists()
    with locked(tmp_path / "out"):
        pass
    assert list((tmp_path / "out").iterdir()) == []


@pytest.fixture
def abroad(tmp_path: Path) -> Path:
    """A folder that a process of another machine holds, which has the number of one of this machine."""
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / ".lock").write_text(f"{os.getpid()}\nanother-host\n", encoding="utf-8")
    return folder


def test_a_lock_of_another_machine_names_it(abroad: Path) -> None:
    with pytest.raises(InputError) as error, locked(abroad):
        pytest.fail("was let in")
    assert str(error.value) == (
        f"{abroad}: in use by a run on another machine (pid {os.getpid()} on 'another-host'): wait for it, choose "
        "another --out, or, if it has ended, take the folder over with tinybert --force"
    )


def test_a_lock_of_another_machine_is_taken_over_by_force(abroad: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(FORCE, "1")
    with (
        locked(abroad),
        pytest.raises(InputError, match=rf"in use by another run \(pid {os.getpid()}\)"),
        locked(abroad),
    ):
        pytest.fail("was let in")
    assert list(abroad.iterdir()) == []


def test_force_takes_nothing_from_a_live_process(
    holder: "subprocess.Popen[str]", tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(FORCE, "1")
    with pytest.raises(InputError, match=rf"in use by another run \(pid {holder.pid}\)"), locked(tmp_path / "out"):
        pytest.fail("was let in")


def test_an_error_inside_frees_the_folder(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="a fault"), locked(tmp_path):
        raise ValueError("a fault")
    with locked(tmp_path):
        pass


def test_a_lock_without_owner_is_named(tmp_path: Path) -> None:
    (tmp_path / ".lock").touch()
    with pytest.raises(InputError, match=r"\.lock: names no owner: delete it"), locked(tmp_path):
        pytest.fail("was let in")


@pytest.mark.parametrize("name", ["file", "file/sub"])
def test_a_folder_that_cannot_be_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="cannot be written"), locked(tmp_path / name):
        pytest.fail("was let in")


@pytest.mark.parametrize("written", [True, False])
def test_a_folder_made_for_nothing_goes_away(tmp_path: Path, written: bool) -> None:
    folder = tmp_path / "runs" / "tiny"
    with locked(folder):
        if written:
            (folder / "file").touch()
    assert (tmp_path / "runs").exists() == written
    (tmp_path / "empty").mkdir()
    with locked(tmp_path / "empty"):
        pass
    assert (tmp_path / "empty").is_dir()


@pytest.mark.skipif(os.name != "posix", reason="other limits")
@pytest.mark.parametrize("name", ["x" * 300, "/".join(["x" * 200] * 25)])
def test_a_name_that_is_too_long_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match=r"cannot be written \(File name too long\)"), locked(tmp_path / name):
        pytest.fail("was let in")
    assert list(tmp_path.iterdir()) == []

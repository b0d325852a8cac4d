"""No command speaks to the internet, unless it was given a name on the hub."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import CONNECTIONS, traced

INTERNET = re.compile(r"AF_INET6?\b")
COMMANDS = {
    "convert": ("convert", "{student}", "--target", "laptop-x86", "--runtime", "openvino", "--out", "{out}"),
    "bench": ("bench", "{artifact}", "--blocks", "1", "--sentences", "2"),
    "predict": ("predict", "{artifact}", "ba de"),
    "verify": ("verify", "{artifact}"),
    "targets": ("targets",),
    "doctor": ("doctor",),
}


def internet_calls(log: Path) -> list[str]:
    return [line for line in log.read_text(encoding="utf-8").splitlines() if INTERNET.search(line)]


def test_a_whole_run_opens_no_connection(finished: tuple[Path, object, object]) -> None:
    log = finished[0].parent / CONNECTIONS
    if not log.exists():
        pytest.skip("strace is not installed, or not allowed here")
    assert internet_calls(log) == []


@pytest.mark.parametrize("name", COMMANDS)
def test_no_command_opens_a_connection_or_writes_home(
    name: str, artifacts: Path, student: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """OpenVINO reports its use, unless that is forbidden, and notes in ~/intel whether it may."""
    log, home = tmp_path / "connections.log", tmp_path / "home"
    trace = traced(log)
    if not trace:
        pytest.skip("strace is not installed, or not allowed here")
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    for name_in_ci in ("CI", "BUILD_ID", "TF_BUILD", "JENKINS_URL"):
        monkeypatch.delenv(name_in_ci, raising=False)  # OpenVINO reports nothing there
    monkeypatch.chdir(tmp_path)
    paths = {"student": student, "artifact": artifacts / "openvino-int8", "out": tmp_path / "out"}
    arguments = [argument.format(**paths) for argument in COMMANDS[name]]
    command = [*trace, sys.executable, "-m", "tinybert_edge", *arguments]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert internet_calls(log) == []
    assert not (home / "intel").exists()

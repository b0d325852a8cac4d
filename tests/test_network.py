"""No command speaks to the internet, unless it was given a name on the hub."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import CONNECTIONS, traced

INTERNET = re.compile(r"AF_INET6?\b")
ONNX = "--runtime onnx --precision int8 --target laptop-x86"
COMMANDS = {
    "quantise": ("convert", "{student}", *ONNX.split(), "--out", "{out}"),
    "bench ONNX": ("bench", "{onnx}", "--blocks", "1", "--sentences", "2"),
    "predict ONNX": ("predict", "{onnx}", "ba de"),
    "doctor": ("doctor",),
    "convert": ("convert", "{student}", "--target", "laptop-x86", "--runtime", "openvino", "--out", "{out}"),
    "bench": ("bench", "{artifact}", "--blocks", "1", "--sentences", "2"),
    "predict": ("predict", "{artifact}", "ba de"),
    "verify": ("verify", "{artifact}"),
    "targets": ("targets",),
}


def internet_calls(log: Path) -> list[str]:
    return [line for line in log.read_text(encoding="utf-8").splitlines() if INTERNET.search(line)]


def test_a_whole_run_opens_no_connection(finished: tuple[Path, object, object]) -> None:
    log = finished[0].parent / CONNECTIONS
    if not log.exists():
        pytest.skip("strace is not installed, or not allowed here")
    assert internet_calls(log) == []


# Conversions are also part of the whole run.
@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] * (COMMANDS[name][0] == "convert")) for name in COMMANDS]
)
def test_no_command_opens_a_connection_or_writes_home(
    name: str, artifacts: Path, student: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """OpenVINO and ONNX Runtime report their use, unless that is forbidden, and write to the home folder for it."""
    log, home = tmp_path / "connections.log", tmp_path / "home"
    trace = traced(log)
    if not trace:
        pytest.skip("strace is not installed, or not allowed here")
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("TMPDIR", str(home))
    monkeypatch.delenv("ORT_DISABLE_TELEMETRY", raising=False)  # set by what these tests import
    for name_in_ci in ("CI", "BUILD_ID", "TF_BUILD", "JENKINS_URL"):
        monkeypatch.delenv(name_in_ci, raising=False)  # OpenVINO reports nothing there
    monkeypatch.chdir(tmp_path)
    paths = {
        "student": student,
        "artifact": artifacts / "openvino-int8",
        "onnx": artifacts / "onnx-int8",
        "out": tmp_path / "out",
    }
    arguments = [argument.format(**paths) for argument in COMMANDS[name]]
    command = [*trace, sys.executable, "-m", "tinybert_edge", *arguments]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert internet_calls(log) == []
    written = [path.relative_to(home).as_posix() for path in home.rglob("*") if path.is_file()]
    assert not [name for name in written if not name.startswith(".cache/torch")], written

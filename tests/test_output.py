"""An output that is closed or full, or whose reader has gone."""

import shlex
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.parametrize("arguments", [["--help"], ["targets"], ["targets", "raspberry-pi-5"]])
def test_a_reader_that_goes_is_no_failed_gate(arguments: list[str]) -> None:
    command = shlex.join([sys.executable, "-m", "tinybert_edge", *arguments])
    result = subprocess.run(
        ["bash", "-c", f"{command} | true; echo ${{PIPESTATUS[0]}}"], capture_output=True, text=True, check=True
    )
    assert (result.stdout, result.stderr) == ("141\n", "")


@pytest.mark.parametrize("redirected", [">&-", "2>&-", ">&- 2>&-"])
def test_a_closed_output_is_no_fault(redirected: str) -> None:
    command = shlex.join([sys.executable, "-m", "tinybert_edge", "targets", "raspberry-pi-5"])
    result = subprocess.run(["bash", "-c", f"{command} {redirected}"], capture_output=True, text=True, check=False)
    assert (result.returncode, result.stderr) == (0, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device of Linux")
def test_a_full_disk_behind_stdout_is_named() -> None:
    command = [sys.executable, "-m", "tinybert_edge", "targets", "raspberry-pi-5"]
    with Path("/dev/full").open("w") as full:
        result = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert result.returncode == 2
    assert result.stderr == "error: the output: No space left on device: make room, or write it elsewhere\n"

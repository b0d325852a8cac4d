"""A disk that is full in the middle of a conversion: a real and tiny file system, in a mount space of its own."""

import subprocess
import sys
from pathlib import Path

import pytest

from targets.profile import RuntimeName

# The folder is listed while it is still mounted.
SCRIPT = 'mount -t tmpfs -o size=200k tmpfs "$0" && "$@"; code=$?; find "$0" -mindepth 1; exit $code'
UNSHARE = ("unshare", "--map-root-user", "--mount", "bash", "-c", SCRIPT)


def _can_mount(folder: Path) -> bool:
    try:
        return subprocess.run([*UNSHARE, str(folder), "true"], capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False


@pytest.mark.parametrize(
    "runtime",
    [
        RuntimeName.ONNX,
        *(pytest.param(one, marks=pytest.mark.slow) for one in (RuntimeName.OPENVINO, RuntimeName.TFLITE)),
    ],
)
def test_a_full_disk_is_named_and_nothing_half_made_stays(student: Path, tmp_path: Path, runtime: RuntimeName) -> None:
    if not _can_mount(tmp_path):
        pytest.skip("this system lets nobody mount a file system of their own")
    command = [Path(sys.executable).with_name("tinybert"), "convert", student, "--target", "laptop-x86"]
    command += ["--runtime", runtime, "--out", tmp_path / "artifacts"]
    result = subprocess.run([*UNSHARE, *map(str, [tmp_path, *command])], capture_output=True, text=True, check=False)
    (error,) = [line for line in result.stderr.splitlines() if line.startswith("error: ")]
    assert result.returncode == 4
    assert "free space on the disk" in error
    assert [line for line in result.stdout.splitlines() if Path(line).is_relative_to(tmp_path / "artifacts")] == []

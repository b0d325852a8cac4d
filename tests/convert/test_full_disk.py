"""A disk that is full in the middle of a conversion: a real and tiny file system, in a mount space of its own."""

from collections.abc import Callable
from pathlib import Path

import pytest

from targets.profile import RuntimeName

SmallDisk = Callable[..., list[tuple[int, str, list[Path]]]]


@pytest.mark.parametrize(
    "runtime",
    [
        RuntimeName.ONNX,
        *(pytest.param(one, marks=pytest.mark.slow) for one in (RuntimeName.OPENVINO, RuntimeName.TFLITE)),
    ],
)
def test_a_full_disk_is_named_and_nothing_half_made_stays(
    student: Path, tmp_path: Path, small_disk: SmallDisk, runtime: RuntimeName
) -> None:
    artifacts = tmp_path / "artifacts"
    arguments = ["convert", student, "--target", "laptop-x86", "--runtime", runtime, "--out", artifacts]
    ((exit_code, error, left),) = small_disk(tmp_path, [200], arguments)
    assert exit_code == 4
    assert "free space on the disk" in error
    assert [path for path in left if path.is_relative_to(artifacts)] == []

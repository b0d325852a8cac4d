"""A disk that fills up during a conversion: a small real file system in a separate mount namespace."""

from collections.abc import Callable
from pathlib import Path

import pytest

from targets.profile import RuntimeName

SmallDisk = Callable[..., list[tuple[int, str, list[Path]]]]


@pytest.mark.parametrize(
    "runtime",
    [
        RuntimeName.ONNX,
        *(pytest.param(runtime, marks=pytest.mark.slow) for runtime in (RuntimeName.OPENVINO, RuntimeName.TFLITE)),
    ],
)
def test_a_full_disk_is_named_and_leaves_no_unfinished_artifact(
    student: Path, tmp_path: Path, small_disk: SmallDisk, runtime: RuntimeName
) -> None:
    artifacts = tmp_path / "artifacts"
    arguments = ["convert", student, "--target", "laptop-x86", "--runtime", runtime, "--out", artifacts]
    ((exit_code, error, left),) = small_disk(tmp_path, [200], arguments)
    assert exit_code == 4
    assert "free space on the disk" in error
    assert [path for path in left if path.is_relative_to(artifacts)] == []

"""A disk that is full during a distillation: the error names it, nothing is lost, and with more space it resumes."""

from collections.abc import Callable
from pathlib import Path

import pytest

SmallDisk = Callable[..., list[tuple[int, str, list[Path]]]]
LARGE_KIB = 100_000
QUICK = ["teacher.epochs=2", "teacher.floor=0", "stages.0.epochs=1", "stages.1.epochs=1"]


@pytest.mark.parametrize(
    "size_kib",
    [
        # Safetensors reports the full disk.
        pytest.param(60, marks=pytest.mark.slow),
        # Torch, which writes the optimiser's state, does not mention the disk.
        150,
    ],
)
def test_a_full_disk_is_named_and_with_more_room_it_goes_on(
    tmp_path: Path,
    recipe_file: Callable[..., Path],
    sentences_file: Callable[..., Path],
    small_disk: SmallDisk,
    size_kib: int,
) -> None:
    recipe, data, disk = recipe_file(), sentences_file(), tmp_path / "disk"
    disk.mkdir()
    command = ["distill", recipe, "--data", data, "--out", disk / "out"]
    for change in QUICK:
        command += ["--set", change]
    (exit_code, error, _), (second_exit_code, said, left) = small_disk(disk, [size_kib, LARGE_KIB], command)
    assert exit_code == 2
    assert "cannot be written" in error
    assert "run again" in error
    assert second_exit_code == 0, said
    assert any(path.match("student-*") for path in left)

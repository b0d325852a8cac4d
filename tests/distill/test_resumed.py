"""A distillation that was interrupted, whenever that was, leaves the same bytes as an uninterrupted one."""

import importlib
import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from distill.data.tokenise import load_tokenizer
from distill.distil import distil
from distill.prepare import prepare

QUICK = ["teacher.epochs=2", "teacher.floor=0", "stages.0.epochs=1", "stages.1.epochs=1"]


def folders(out: Path) -> dict[str, bytes]:
    """Return all files of the teacher and the student."""
    return {
        path.relative_to(out).as_posix(): path.read_bytes()
        for pattern in ("teacher-*", "student-*")
        for folder in out.glob(pattern)
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.mark.parametrize(
    ("place", "calls"),
    [
        # The teacher is trained, and its last checkpoint is written, but not its folder: no batch is seen after that.
        ("distill.teacher.predict", 0),
        ("distill.teacher.write_manifest", 0),
        ("distill.training.stages._save", 0),
        ("distill.training.stages._save", 1),
        ("distill.distil.predict", 0),
        ("distill.distil.write_student", 0),
        ("distill.student.folder.write_manifest", 0),
    ],
)
def test_interrupted_between_two_parts_it_ends_with_the_same_bytes(
    tmp_path: Path,
    recipe_file: Callable[..., Path],
    sentences_file: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
    place: str,
    calls: int,
) -> None:
    recipe, data = recipe_file(), sentences_file()
    distil(*prepare(str(recipe), data, changes=QUICK), tmp_path / "whole")
    left = [calls]

    def interrupted(real: Callable[..., Any]) -> Callable[..., Any]:
        def run(*given: Any, **named: Any) -> Any:
            if left[0] == 0:
                raise KeyboardInterrupt
            left[0] -= 1
            return real(*given, **named)

        return run

    module, _, name = place.rpartition(".")
    with monkeypatch.context() as patch:
        patch.setattr(place, interrupted(getattr(importlib.import_module(module), name)))
        with pytest.raises(KeyboardInterrupt):
            distil(*prepare(str(recipe), data, changes=QUICK), tmp_path / "broken")
    distil(*prepare(str(recipe), data, changes=QUICK), tmp_path / "broken")
    expected = folders(tmp_path / "whole")
    assert len(expected) > 10
    assert folders(tmp_path / "broken") == expected
    assert not list((tmp_path / "broken").glob(".*"))


@pytest.mark.parametrize("is_offline", [False, True])
def test_a_tokenizer_is_saved_the_same_online_and_offline(
    tmp_path: Path, encoder_folder: Path, monkeypatch: pytest.MonkeyPatch, is_offline: bool
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", is_offline)
    load_tokenizer(encoder_folder).save_pretrained(tmp_path)
    assert json.loads((tmp_path / "tokenizer_config.json").read_text())["local_files_only"] is True


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(6))
def test_killed_at_any_moments_it_ends_with_the_same_bytes(
    tmp_path: Path,
    recipe_file: Callable[..., Path],
    sentences_file: Callable[..., Path],
    run_process: Callable[[list[str]], subprocess.CompletedProcess[str]],
    seed: int,
) -> None:
    arguments = ["distill", str(recipe_file()), "--data", str(sentences_file(train_rows=100)), "--out"]
    started_s = time.monotonic()
    assert run_process([*arguments, str(tmp_path / "whole")]).returncode == 0
    lasted_s = time.monotonic() - started_s
    broken, drawn = tmp_path / "broken", random.Random(seed)
    for _ in range(3):
        process = subprocess.Popen(
            [sys.executable, "-m", "tinybert_edge", *arguments, str(broken)],
            env={**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "0"},  # the others are offline
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        # Its folder is made when the libraries are imported and the data is read.
        while not broken.exists() and process.poll() is None:
            time.sleep(0.02)
        time.sleep(drawn.uniform(0, 0.7 * lasted_s))
        process.kill()
        process.wait()
    resumed = run_process([*arguments, str(broken)])
    assert resumed.returncode == 0, resumed.stderr
    assert folders(broken) == folders(tmp_path / "whole")
    assert not list(broken.glob(".*"))

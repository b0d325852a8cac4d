"""Teachers that tests share."""

import shutil
from pathlib import Path

import pytest
from filelock import FileLock

from distill import teacher
from distill.data.rows import Splits
from distill.model.source import Encoder
from distill.recipe import Recipe


@pytest.fixture
def teachers(shared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fine-tune each teacher once for all tests of its students."""
    build = teacher._build

    def build_once(recipe: Recipe, encoder: Encoder, splits: Splits, folder: Path, key: str) -> None:
        cached = shared / "teachers" / key
        cached.parent.mkdir(exist_ok=True)
        with FileLock(cached.with_suffix(".lock")):
            if cached.exists():
                folder.parent.mkdir(parents=True, exist_ok=True)
                shutil.copytree(cached, folder)
            else:
                build(recipe, encoder, splits, folder, key)
                shutil.copytree(folder, cached)

    monkeypatch.setattr(teacher, "_build", build_once)

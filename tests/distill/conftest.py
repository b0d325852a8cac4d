"""Teachers that tests have in common."""

import shutil
from pathlib import Path

import pytest
from filelock import FileLock

from distill import teacher
from distill.data.dataset import Splits
from distill.model.encoder import Encoder
from distill.recipe import Recipe


@pytest.fixture
def teachers(shared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fine-tune each teacher once for all tests that are about its students."""
    make = teacher._make

    def find(recipe: Recipe, encoder: Encoder, splits: Splits, folder: Path, key: str) -> None:
        kept = shared / "teachers" / key
        kept.parent.mkdir(exist_ok=True)
        with FileLock(kept.with_suffix(".lock")):
            if kept.exists():
                folder.parent.mkdir(parents=True, exist_ok=True)
                shutil.copytree(kept, folder)
            else:
                make(recipe, encoder, splits, folder, key)
                shutil.copytree(folder, kept)

    monkeypatch.setattr(teacher, "_make", find)

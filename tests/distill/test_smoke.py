"""Smoke tests of a recipe: memorised rows or the reason why not, and no files left behind."""

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.errors import WorkerError
from distill import smoke
from distill.prepare import prepare
from tinybert_edge import cli


@given(
    labels=st.lists(st.integers(0, 3), min_size=1, max_size=300),
    seed=st.integers(0, 2**32 - 1),
    count=st.integers(4, 64),
)
def test_the_rows_are_of_all_labels(labels: list[int], seed: int, count: int) -> None:
    labels_N = np.asarray(labels)
    rows = smoke._balanced(labels_N, seed, count)
    assert len(rows) == len(set(rows)) == min(count, len(labels))
    assert set(labels_N[rows]) == set(labels)
    chosen = np.bincount(labels_N[rows], minlength=4)
    left = np.bincount(labels_N, minlength=4) - chosen
    # A label with rows left has as many chosen as any other, but for the last turn.
    assert all(chosen[label] >= chosen.max() - 1 for label in range(4) if left[label])


def test_a_recipe_that_can_learn_says_so_and_leaves_nothing(
    tmp_path: Path,
    recipe_file: Callable[..., Path],
    sentences_file: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    arguments = ["tinybert", "distill", str(recipe_file()), "--data", str(sentences_file()), "--smoke"]
    before = sorted(tmp_path.rglob("*"))
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", arguments)
    with pytest.raises(SystemExit) as end:
        cli.main()
    printed = capsys.readouterr()
    assert end.value.code == 0, printed.err
    assert "accuracy on 32 training rows" in printed.out
    assert sorted(tmp_path.rglob("*")) == sorted([*before, scratch])


def test_a_smaller_student_is_tried_as_it_will_be(
    recipe_file: Callable[..., Path], sentences_file: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    student = "layers = [0, 1]\nvocabulary = {}\nembedding_width = 8"
    prepared = prepare(str(recipe_file(student=student)), sentences_file(), None, None, [])
    assert smoke.smoke(*prepared).student >= smoke.PASSING_SCORE
    assert "the student keeps 11 word pieces" in capsys.readouterr().err


def test_a_student_that_learns_nothing_of_the_task_fails(
    recipe_file: Callable[..., Path], sentences_file: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(smoke, "EPOCHS", (16,))
    changes = [
        "student.start=random",
        "stages=[{name = 'layers', epochs = 1, learning_rate = 1e-3, losses = {embedding = 1.0}}]",
    ]
    prepared = prepare(str(recipe_file()), sentences_file(), None, None, changes)
    with pytest.raises(
        WorkerError, match=r"the student reaches accuracy .* on 32 training rows .* raise its learning_rate"
    ):
        smoke.smoke(*prepared)


def test_a_ready_teacher_of_another_task_fails(
    recipe_file: Callable[..., Path], sentences_file: Callable[..., Path], classifier_folder: Callable[..., Path]
) -> None:
    recipe = recipe_file(classifier_folder(("negative", "positive"), right=False))
    prepared = prepare(str(recipe), sentences_file(), None, None, None)
    with pytest.raises(WorkerError, match=r"check the order of data\.label_names") as caught:
        smoke.smoke(*prepared)
    assert caught.value.exit_code == 4


def test_a_label_that_no_text_tells_fails_at_the_teacher(
    recipe_file: Callable[..., Path], sentences_file: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(smoke, "EPOCHS", (4,))
    data = sentences_file()
    rows = "".join(f"the film\t{row % 2}\n" for row in range(64))
    (data / "train.tsv").write_text("sentence\tlabel\n" + rows, encoding="utf-8")
    prepared = prepare(str(recipe_file()), data, None, None, None)
    message = r"the teacher reaches accuracy 0.500 on 32 training rows .* check whether the labels match"
    with pytest.raises(WorkerError, match=message):
        smoke.smoke(*prepared)

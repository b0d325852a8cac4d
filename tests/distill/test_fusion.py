"""Several teachers: how their logits are fused, and a student that learns from them."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.errors import InputError
from distill.distil import distil
from distill.fusion import fuse
from distill.prepare import prepare
from distill.recipe.teacher import TeacherRecipe
from infer.folders.student import read_student

SURE_OF_0, SURE_OF_1 = [4.0, -4.0], [-2.0, 2.0]


def _recipe(fusion: str, weights: tuple[float, ...] = ()) -> TeacherRecipe:
    return TeacherRecipe.model_validate(
        {
            "model": "a",
            "also": ("b",),
            "floor": 0.5,
            "epochs": 1,
            "learning_rate": 1e-3,
            "fusion": fusion,
            "weights": weights,
        }
    )


@pytest.mark.parametrize(
    ("fusion", "weights", "expected"),
    [
        ("mean", (), [[1.0, -1.0], [1.0, -1.0]]),
        ("weighted", (1.0, 3.0), [[-0.5, 0.5], [-0.5, 0.5]]),
        ("weighted", (1.0, 0.0), [SURE_OF_0, SURE_OF_0]),
        ("best", (), [SURE_OF_0, SURE_OF_1]),
    ],
)
def test_two_teachers_fused(fusion: str, weights: tuple[float, ...], expected: list[list[float]]) -> None:
    first, second = (np.asarray([row, row], dtype=np.float32) for row in (SURE_OF_0, SURE_OF_1))
    fused_NC = fuse([first, second], np.asarray([0, 1]), _recipe(fusion, weights))
    np.testing.assert_allclose(fused_NC, expected, atol=1e-6)


@given(st.integers(0, 1_000), st.integers(1, 4))
def test_equal_teachers_stay_as_they_are(seed: int, classes: int) -> None:
    logits_NC = np.random.default_rng(seed).normal(size=(5, classes)).astype(np.float32)
    labels_N = np.zeros(5, dtype=np.int64)
    for recipe in (_recipe("mean"), _recipe("weighted", (0.3, 0.7)), _recipe("best")):
        np.testing.assert_allclose(fuse([logits_NC, logits_NC], labels_N, recipe), logits_NC, atol=1e-6)


def test_teachers_of_other_classes_are_refused() -> None:
    with pytest.raises(InputError, match=r"different numbers of classes \(2, 3\): choose teachers of the same task"):
        fuse([np.zeros((1, 2), np.float32), np.zeros((1, 3), np.float32)], np.zeros(1, np.int64), _recipe("mean"))


def test_weights_must_fit(recipe_file: Callable[..., Path]) -> None:
    with pytest.raises(InputError, match="'weighted' of 1 teachers needs 1 weights"):
        prepare(str(recipe_file()), None, None, None, ['teacher.fusion="weighted"'])


def test_a_student_learns_from_two_teachers(
    tmp_path: Path,
    recipe_file: Callable[..., Path],
    sentences_file: Callable[..., Path],
    classifier_folder: Callable[..., Path],
) -> None:
    second = classifier_folder(("negative", "positive"))
    prepared = prepare(str(recipe_file()), sentences_file(), None, None, [f"teacher.also=['{second}']"])
    _, student = distil(*prepared, tmp_path / "out")
    assert set(read_student(student).parents) == {"teacher", "teacher-2"}
    assert len(list((tmp_path / "out").glob("teacher-*"))) == 2

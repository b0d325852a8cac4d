"""Soups: what is averaged, what a greedy soup leaves out, and a student made from several."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file

from contract.errors import InputError
from distill import soup
from distill.distil import distil
from distill.prepare import prepare
from distill.training import loop, stages
from distill.training.sentence_trainer import SentenceTrainer
from infer.folders.student import read_evaluation, read_student

SOUP = ["soup.students=2", "stages.0.epochs=1", "stages.1.epochs=4"]


def _weights(values: list[float]) -> list[soup.Weights]:
    return [{"weight": torch.tensor([value, -value]), "position_ids": torch.tensor([0, 1])} for value in values]


@given(st.lists(st.floats(-10, 10), min_size=1, max_size=5))
def test_a_uniform_soup_is_the_mean_of_floats_alone(values: list[float]) -> None:
    mixed = soup.uniform(_weights(values))
    mean = float(np.mean(values))
    torch.testing.assert_close(mixed["weight"], torch.tensor([mean, -mean]), rtol=1e-4, atol=1e-4)
    assert mixed["position_ids"].tolist() == [0, 1]


@pytest.mark.parametrize(
    ("values", "best_at", "chosen"),
    [
        ([1.0, 3.0], 2.0, (0, 1)),  # both are equally far off, their mean is not
        ([2.0, 9.0, 2.0], 2.0, (0, 2)),  # the second would only make it worse
        ([9.0, 5.0], 4.0, (1,)),
        ([3.0, 1.5, 1.0], 2.0, (1, 0, 2)),  # 1.5 and 3 make 2.25, and with 1 as well 1.83, each closer than before
        ([2.5, 1.75, 9.0], 2.0, (1, 0)),
    ],
)
def test_a_greedy_soup_takes_what_does_not_lower_the_score(
    values: list[float], best_at: float, chosen: tuple[int, ...]
) -> None:
    _, numbers = soup.greedy(_weights(values), lambda weights: -abs(float(weights["weight"][0]) - best_at))
    assert numbers == chosen


@given(st.lists(st.floats(-10, 10), min_size=1, max_size=5), st.floats(-10, 10))
def test_a_greedy_soup_is_at_least_as_good_as_its_best_student(values: list[float], best_at: float) -> None:
    def score(weights: soup.Weights) -> float:
        return -abs(float(weights["weight"][0]) - best_at)

    weights_K = _weights(values)
    mixed, _ = soup.greedy(weights_K, score)
    assert score(mixed) >= max(map(score, weights_K))


@pytest.mark.usefixtures("teachers")
@pytest.mark.parametrize("kind", ["uniform", "greedy"])
def test_a_student_is_made_of_several(
    tmp_path: Path, recipe_file: Callable[..., Path], sentences_file: Callable[..., Path], kind: str
) -> None:
    changes = [*SOUP, f'soup.kind="{kind}"']
    prepared = prepare(str(recipe_file()), sentences_file(train_rows=80), None, None, changes)
    _, student = distil(*prepared, tmp_path / "out")
    evaluation = read_evaluation(student)
    assert (evaluation.student.logits.values.argmax(axis=1) == evaluation.labels.values).mean() == 1
    assert read_student(student).recipe["soup"] == {"students": 2, "kind": kind}
    logs = {path.name.removeprefix(f"{student.name}-") for path in (tmp_path / "out" / "logs").glob("student-*")}
    assert logs == {"student_1-1-layers", "student_1-2-prediction", "student_2-1-layers", "student_2-2-prediction"}


@pytest.mark.usefixtures("teachers")
def test_the_uniform_soup_is_the_mean_of_its_students(
    tmp_path: Path, recipe_file: Callable[..., Path], sentences_file: Callable[..., Path]
) -> None:
    recipe, data, out = str(recipe_file()), sentences_file(), tmp_path / "out"

    def student(*changes: str) -> dict[str, torch.Tensor]:
        _, folder = distil(*prepare(recipe, data, None, None, [*SOUP[1:], *changes]), out)
        return load_file(folder / "model.safetensors")

    first, second, mixed = student(), student("student.seed=2"), student("soup.students=2")
    for name, weight in mixed.items():
        torch.testing.assert_close(weight, (first[name] + second[name]) / 2, rtol=1e-4, atol=1e-5)


@pytest.mark.usefixtures("teachers")
def test_the_students_of_a_random_start_begin_alike(
    tmp_path: Path,
    recipe_file: Callable[..., Path],
    sentences_file: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    begun = []
    monkeypatch.setattr(stages, "train", lambda start, *_others: begun.append(start.model.classifier.weight.tolist()))
    changes = [*SOUP, 'student.start="random"']
    distil(*prepare(str(recipe_file()), sentences_file(), None, None, changes), tmp_path / "out")
    assert begun[0] == begun[1]


def test_finished_students_of_a_killed_soup_are_not_trained_again(
    tmp_path: Path,
    recipe_file: Callable[..., Path],
    sentences_file: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    prepared = prepare(str(recipe_file()), sentences_file(), None, None, SOUP)
    out, fit, trained = tmp_path / "out", loop.fit, []

    def stopping(trainer: SentenceTrainer, title: str, log: Path) -> None:
        trained.append(title)
        if title.startswith("Distilling student 2, stage 2") and len(trained) < 6:
            raise KeyboardInterrupt
        fit(trainer, title, log)

    monkeypatch.setattr(loop, "fit", stopping)
    with pytest.raises(KeyboardInterrupt):
        distil(*prepared, out)
    before = len(trained)
    distil(*prepared, out)
    assert trained[before:] == ["Distilling student 2, stage 2 of 2: prediction"]


def test_a_soup_of_one_is_refused(recipe_file: Callable[..., Path], sentences_file: Callable[..., Path]) -> None:
    with pytest.raises(InputError, match=r"soup\.students"):
        prepare(str(recipe_file()), sentences_file(), None, None, ["soup.students=1"])

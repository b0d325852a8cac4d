"""A search: scored on held-out rows, resumed where it stopped, with its failures kept and its best values printed."""

import errno
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pytest
from hypothesis import given
from hypothesis import strategies as st
from optuna.trial import TrialState

from contract import ragged
from contract.disk import DiskFullError
from contract.errors import InputError, WorkerError
from contract.tokens import Tokens, from_rows
from distill import search, teacher
from distill.data.rows import Splits
from distill.model.source import Encoder
from distill.prepare import prepare
from distill.recipe import Recipe, read, with_overrides
from distill.recipe.search import Dimension
from infer.folders.student import Evaluation
from infer.outputs import of_logits
from tinybert_edge import cli

QUICK = ["teacher.epochs=2", "teacher.floor=0", "stages.0.epochs=1", "stages.1.epochs=1"]
SPACE = """
[search.space]
"stages.1.learning_rate" = { low = 1e-4, high = 1e-2, log = true }
"stages.0.batch_size" = { low = 4, high = 8 }
"student.layers" = { choices = [[0], [1]] }
"""


@pytest.mark.parametrize(
    ("space", "message"),
    [
        ('"stages.0.learning_rat" = { low = 1.0, high = 2.0 }', "unknown key 'stages.0.learning_rat', did you mean"),
        ('"stages.0.learning_rate" = { low = 0.0, high = 2.0, log = true }', "low must be above 0"),
        ('"stages.0.learning_rate" = { low = 1.0 }', "needs low and high, with low <= high"),
        ('"stages.0.learning_rate" = { low = 1.0, high = 2.0, choices = [1.0] }', "either low and high, or choices"),
        ('"stages.0.learning_rate" = { low = -1.0, high = 2.0 }', "greater than 0"),
        ('"data.text" = { choices = ["a"] }', "'data.text' cannot be searched, only keys of student and stages"),
    ],
)
def test_a_wrong_space_is_refused(
    tmp_path: Path,
    recipe_file: Callable[..., Path],
    sentences_file: Callable[..., Path],
    space: str,
    message: str,
) -> None:
    recipe = recipe_file()
    recipe.write_text(f"{recipe.read_text()}\n[search.space]\n{space}\n")
    with pytest.raises(InputError, match=message):
        search.search(*prepare(str(recipe), sentences_file(), None, None, None), tmp_path / "out", trials=1)
    assert not (tmp_path / "out").exists()


def test_the_space_of_the_documents_is_one(recipe_file: Callable[..., Path]) -> None:
    guide = (Path(cli.__file__).parents[1] / "docs" / "distillation.md").read_text(encoding="utf-8")
    snippet = "[search.space]" + guide.partition("```toml\n[search.space]")[2].partition("```")[0]
    recipe = recipe_file()
    recipe.write_text(f"{recipe.read_text()}\n{snippet}")
    section = read(str(recipe)).search
    assert section is not None
    assert set(section.space) == {"stages.1.learning_rate", "stages.0.batch_size", "student.layers"}


@given(value=st.one_of(st.floats(0.1, 10), st.integers(-20, 20)), low=st.integers(-5, 5), width=st.integers(0, 9))
def test_a_recipes_own_value_is_searched_where_the_space_has_it(value: float, low: int, width: int) -> None:
    dimension = Dimension(low=low, high=low + width)
    parameter = dimension.parameter(value)
    if parameter is None:
        assert not (low <= value <= low + width and value == int(value))
    else:
        assert parameter == value
        assert isinstance(parameter, int)


class Distilled:
    """Replaces the distillation: records its arguments; its students score by their learning rate."""

    def __init__(self, out: Path) -> None:
        self.out = out
        self.recipes: list[Recipe] = []
        self.texts: list[tuple[set[str], set[str]]] = []
        self.faults: dict[int, BaseException] = {}

    def distil(self, recipe: Recipe, _encoder: Encoder, splits: Splits, _out: Path) -> tuple[Path, Path]:
        self.recipes.append(recipe)
        self.texts.append((set(splits.train.texts), set(splits.validation.texts)))
        if fault := self.faults.get(len(self.recipes)):
            raise fault
        student = self.out / "student"
        student.mkdir(parents=True)
        return student, student

    def read_evaluation(self, _student: Path) -> Evaluation:
        right = round(100 * self.recipes[-1].stages[1].learning_rate * 100)
        logits_NC = np.asarray([[0, 1]] * right + [[1, 0]] * (100 - right), dtype=np.float32)
        return Evaluation(
            tokens=_tokens(),
            labels=ragged.single(np.ones(100, dtype=np.int64)),
            teacher=of_logits(logits_NC),
            student=of_logits(logits_NC),
        )


def _tokens() -> Tokens:
    return from_rows([[2, 3]] * 100, [[0, 0]] * 100)


@pytest.fixture
def distilled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Distilled:
    stand_in = Distilled(tmp_path / "out")
    stand_in.out.mkdir()
    monkeypatch.setattr(search, "distil", stand_in.distil)
    monkeypatch.setattr(search, "read_evaluation", stand_in.read_evaluation)
    monkeypatch.setattr(teacher, "build", lambda *_: stand_in.out)
    return stand_in


Prepared = tuple[Recipe, Encoder, Splits]


@pytest.fixture
def prepared(recipe_file: Callable[..., Path], sentences_file: Callable[..., Path]) -> Prepared:
    recipe = recipe_file()
    recipe.write_text(recipe.read_text() + SPACE)
    return prepare(str(recipe), sentences_file(), None, None, None)


def test_the_best_trial_is_returned_and_the_unchanged_recipe_is_the_first(
    distilled: Distilled, prepared: Prepared
) -> None:
    result = search.search(*prepared, distilled.out, trials=8)
    rates = [recipe.stages[1].learning_rate for recipe in distilled.recipes]
    assert rates[0] == 1e-3
    assert distilled.recipes[0].student.layers == (1,)
    assert result.own_score == 0.1
    assert result.score == max(round(10_000 * rate) / 100 for rate in rates)
    best = distilled.recipes[int(np.argmax(rates))]
    # The printed changes give the recipe of the best trial.
    assert with_overrides(prepared[0], result.changes) == best
    assert {recipe.student.layers for recipe in distilled.recipes} == {(0,), (1,)}
    every_text = set(prepared[2].train.texts)
    assert all(trained | judged == every_text and not trained & judged for trained, judged in distilled.texts)
    assert all(4 <= recipe.stages[0].batch_size <= 8 for recipe in distilled.recipes)


@pytest.mark.parametrize("trials", [(3, 7), (7, 7)])
def test_a_search_goes_on_as_if_it_had_not_been_interrupted(
    tmp_path: Path, distilled: Distilled, prepared: Prepared, trials: tuple[int, int]
) -> None:
    distilled.faults = {5: KeyboardInterrupt()}
    for count in trials:
        try:
            search.search(*prepared, distilled.out, trials=count)
        except KeyboardInterrupt:
            search.search(*prepared, distilled.out, trials=count)
    interrupted, distilled.recipes, distilled.faults = distilled.recipes, [], {}
    assert interrupted[4] == interrupted[5]
    (distilled.out / search.STORAGE).unlink()
    search.search(*prepared, distilled.out, trials=7)
    assert interrupted[:4] + interrupted[5:] == distilled.recipes
    search.search(*prepared, distilled.out, trials=7)
    assert len(distilled.recipes) == 7


def test_a_failed_trial_is_counted_and_the_search_goes_on(distilled: Distilled, prepared: Prepared) -> None:
    distilled.faults = {1: InputError("no"), 3: RuntimeError("nor that")}
    result = search.search(*prepared, distilled.out, trials=5)
    assert (result.finished, result.failed, result.own_score) == (3, 2, None)
    assert len(distilled.recipes) == 5


def test_a_failed_trial_leaves_no_work_folder(
    distilled: Distilled, prepared: Prepared, monkeypatch: pytest.MonkeyPatch
) -> None:
    others = distilled.out / ".student-of-another-run.work"
    others.mkdir()
    distil = distilled.distil

    def failing(*arguments: Any) -> tuple[Path, Path]:
        (distilled.out / f".student-{len(distilled.recipes)}.work").mkdir()
        return distil(*arguments)

    distilled.faults = {2: InputError("diverged")}
    monkeypatch.setattr(search, "distil", failing)
    search.search(*prepared, distilled.out, trials=2)
    assert not (distilled.out / ".student-1.work").exists()
    assert others.exists()


def test_a_full_disk_is_no_fault_of_a_trial(distilled: Distilled, prepared: Prepared) -> None:
    distilled.faults = {2: OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), 3: DiskFullError("no checkpoint")}
    for _ in range(2):
        with pytest.raises(DiskFullError):
            search.search(*prepared, distilled.out, trials=3)
    result = search.search(*prepared, distilled.out, trials=3)
    assert (result.finished, result.failed) == (3, 0)
    assert distilled.recipes[1] == distilled.recipes[2] == distilled.recipes[3]


def test_a_search_without_any_score_says_why(distilled: Distilled, prepared: Prepared) -> None:
    distilled.faults = {1: InputError("first"), 2: InputError("second", "cure")}
    with pytest.raises(WorkerError, match="all 2 trials failed, the last with: second: cure"):
        search.search(*prepared, distilled.out, trials=2)


def test_storage_of_something_else_is_one_line(distilled: Distilled, prepared: Prepared) -> None:
    (distilled.out / search.STORAGE).write_text("not a database")
    with pytest.raises(InputError, match=r"search\.db: cannot be used"):
        search.search(*prepared, distilled.out, trials=1)


def test_a_search_on_the_tiny_teacher_resumes_and_prints_its_best(
    tmp_path: Path,
    recipe_file: Callable[..., Path],
    sentences_file: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = tmp_path / "out"
    arguments = ["tinybert", "distill", str(recipe_file()), "--data", str(sentences_file()), "--out", str(out)]
    for change in QUICK:
        arguments += ["--set", change]
    values = []
    for trials in (1, 2):
        monkeypatch.setattr(sys, "argv", [*arguments, "--search", str(trials)])
        with pytest.raises(SystemExit) as end:
            cli.main()
        assert end.value.code == 0
        lines = capsys.readouterr().out.splitlines()
        changes = [line.removeprefix("--set ") for line in lines if line.startswith("--set ")]
        assert [change.partition("=")[0] for change in changes] == ["stages.0.learning_rate", "stages.1.learning_rate"]
        assert lines[-1] == str(out / search.STORAGE)
        read(arguments[2], tuple(changes))
        (study,) = optuna.get_all_study_names(f"sqlite:///{out / search.STORAGE}")
        loaded = optuna.load_study(study_name=study, storage=f"sqlite:///{out / search.STORAGE}")
        assert [trial.state for trial in loaded.trials] == [TrialState.COMPLETE] * trials
        values.append([trial.value for trial in loaded.trials])
        assert f"{loaded.best_value:.4f}" in "\n".join(lines)
    assert values[1][:1] == values[0]
    assert len(list(out.glob("teacher-*"))) == 1
    assert not list(out.glob("student-*"))

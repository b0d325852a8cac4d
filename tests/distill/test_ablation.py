"""Ablation: variants differ from the recipe in one thing, and no student is trained twice."""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from contract.errors import InputError
from distill.ablation.ablate import WHOLE, Row, select, table, variants
from distill.recipe import Recipe, read
from distill.teacher import read_config
from tinybert_edge import cli

SHAPE = "shape = { layers = 1, width = 32, heads = 4, feed_forward_width = 32 }"


def _difference(whole: Recipe, variant: Recipe) -> set[str]:
    """Return the losses and the student's keys that differ, including losses of a dropped stage."""
    losses = [_losses(recipe) for recipe in (whole, variant)]
    student = [recipe.student.model_dump() for recipe in (whole, variant)]
    different = {loss for loss in losses[0] if losses[0][loss] != losses[1][loss]}
    return different | {key for key in student[0] if student[0][key] != student[1][key]}


def _losses(recipe: Recipe) -> dict[str, bool]:
    names = type(recipe.stages[0].losses).model_fields
    return {name: any(getattr(stage.losses, name) for stage in recipe.stages) for name in names}


@pytest.mark.parametrize(
    ("student", "expected"),
    [
        ("layers = [0]", {"uniform mapping": {"mapping"}, "random start": {"start"}}),
        # The single layer learns from the last teacher layer anyway, which is also what `top` means.
        ("layers = [1]", {"bottom mapping": {"mapping"}, "random start": {"start"}}),
        # The recipe already has a random start.
        (SHAPE, {"bottom mapping": {"mapping"}}),
    ],
)
def test_a_variant_differs_from_the_recipe_in_one_thing(
    recipe_file: Callable[..., Path], encoder_folder: Path, student: str, expected: dict[str, set[str]]
) -> None:
    recipe = read(str(recipe_file(student=student)))
    recipes = variants(recipe, read_config(encoder_folder))
    assert next(iter(recipes)) == WHOLE
    assert {name: _difference(recipe, variant) for name, variant in recipes.items()} == {
        WHOLE: set(),
        **{f"no {loss} loss": {loss} for loss in ("embedding", "hidden", "attention", "prediction")},
        "no layer losses": {"embedding", "hidden", "attention"},
        **expected,
    }
    unchanged = {"data", "teacher", "seed", "max_length_tokens"}
    assert all(
        variant.model_dump(include=unchanged) == recipe.model_dump(include=unchanged) for variant in recipes.values()
    )


def test_a_recipe_with_one_loss_has_no_variant_without_it(
    recipe_file: Callable[..., Path], encoder_folder: Path
) -> None:
    changes = ("stages=[{name = 'layers', epochs = 1, learning_rate = 1e-3, losses = {hidden = 1.0}}]",)
    recipes = variants(read(str(recipe_file()), changes), read_config(encoder_folder))
    assert set(recipes) == {WHOLE, "bottom mapping", "random start"}


def test_an_unknown_variant_names_the_near_miss() -> None:
    with pytest.raises(InputError, match=r"unknown variant 'no hiden loss', did you mean 'no hidden loss'\?"):
        select(dict.fromkeys([WHOLE, "no hidden loss"], None), ["no hiden loss"])  # type: ignore[arg-type]


def test_the_table_compares_with_the_whole_recipe() -> None:
    rows = [
        Row(variant=WHOLE, student=(0.9, 0.8), teacher=0.9),
        Row(variant="random start", student=(0.7, 0.8), teacher=0.9),
    ]
    text = table(rows, "accuracy")
    assert "| whole recipe | 90.0, 80.0 | 85.0 | +0.0 | 94.4 |" in text
    assert "| random start | 70.0, 80.0 | 75.0 | -10.0 | 83.3 |" in text


def test_a_teacher_score_of_zero_gives_no_percentage() -> None:
    text = table([Row(variant=WHOLE, student=(0.1,), teacher=0.0)], "matthews")
    assert "| whole recipe | 10.0 | 10.0 | +0.0 | none |" in text


@pytest.mark.slow
def test_an_ablation_has_a_row_per_variant_and_reuses_its_students(
    tmp_path: Path,
    recipe_file: Callable[..., Path],
    sentences_file: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = tmp_path / "out"
    arguments = ["tinybert", "ablate", str(recipe_file()), "--data", str(sentences_file()), "--seeds", "1"]
    arguments += ["--only", "random start", "--out", str(out), "--set", "stages.1.epochs=1", "--json"]
    arguments += ["--set", "teacher.epochs=1", "--set", "teacher.floor=0", "--set", "stages.0.epochs=1"]
    printed, written = [], []
    for _ in range(2):
        monkeypatch.setattr(sys, "argv", arguments)
        with pytest.raises(SystemExit) as end:
            cli.main()
        assert end.value.code == 0
        printed.append(json.loads(capsys.readouterr().out))
        written.append({path: path.stat().st_mtime_ns for path in out.rglob("*.json")})
    assert printed[0] == printed[1]
    assert written[0] == written[1]
    assert [row["variant"] for row in printed[0]["rows"]] == [WHOLE, "random start"]
    assert all(len(row["student"]) == 1 for row in printed[0]["rows"])
    assert len(list(out.glob("teacher-*"))) == 1
    assert len(list(out.glob("student-*"))) == 2
    assert "random start" in (out / "ablation-only.md").read_text()
    assert not (out / "ablation.md").exists()

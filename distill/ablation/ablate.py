"""What each part of a recipe is worth: the recipe without it, beside the whole (TinyBERT, section 4.4)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from typing import Any

from contract.digest import sha256_of_value
from contract.errors import InputError
from contract.files import write_atomic
from contract.progress import note
from contract.strict import near_miss
from distill.data.dataset import Splits
from distill.distil import distil
from distill.model.source import Encoder
from distill.recipe import Recipe
from distill.recipe.stage import LossWeights, Stage
from distill.student.initialise import pairs_of, shape_of
from distill.student.layer_map import STRATEGIES
from distill.teacher import read_config
from infer.folders.student import read_evaluation
from infer.tasks import judge

WHOLE = "whole recipe"
LAYER_LOSSES = ("embedding", "hidden", "attention", "relation")


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One variant: the student's score for each seed, and the teacher's."""

    variant: str
    student: tuple[float, ...]
    teacher: float


def variants(recipe: Recipe, config: Any) -> dict[str, Recipe]:
    """Return the whole recipe and, by what they lack or change, those that differ from it in one thing.

    Left out is what would train the same as the recipe or as a variant before it, and what would train nothing.

    Args:
        recipe: the whole one.
        config: of the teacher.
    """
    found = {WHOLE: recipe}
    for loss in (*LAYER_LOSSES, "prediction"):
        found[f"no {loss} loss"] = _without(recipe, loss)
    found["no layer losses"] = _without(recipe, *LAYER_LOSSES)
    if recipe.augmentation is not None:
        found["no augmentation"] = recipe.model_copy(update={"augmentation": None})
    for mapping in STRATEGIES:
        if mapping != "last":
            found[f"{mapping} mapping"] = _of_student(recipe, mapping=mapping)
    found["random start"] = _of_student(recipe, start="random")
    different: dict[str, str] = {}
    for name, variant in found.items():
        if variant.stages:
            different.setdefault(_what_trains(variant, config), name)
    return {name: found[name] for name in different.values()}


def chosen(found: dict[str, Recipe], only: Sequence[str]) -> dict[str, Recipe]:
    """Return the whole recipe and the variants of these names; all of them for no name.

    Raises:
        InputError: no such variant, with the near miss.
    """
    for name in only:
        if name not in found:
            raise InputError(
                f"unknown variant {name!r}{near_miss(name, list(found))}", f"this recipe has: {', '.join(found)}"
            )
    return {name: variant for name, variant in found.items() if not only or name in (WHOLE, *only)}


def ablate(
    recipe: Recipe,
    encoder: Encoder,
    splits: Splits,
    *,
    seeds: int,
    out: Path,
    only: Sequence[str] = (),
) -> list[Row]:
    """Distil every variant with several seeds; finished students are found again.

    Args:
        recipe: the whole recipe; its student's seed is the first one.
        encoder: the teacher's model.
        splits: the data of every variant.
        seeds: students of each variant; the teacher and the rows drawn are those of the recipe's seed.
        out: the folder of all students, and of the table.
        only: names of variants, instead of all.

    Returns:
        A row for each variant, the whole recipe first; `page` has them as a table, written anew after each.

    Raises:
        InputError: no such variant, or a student cannot learn as a variant says.
    """
    config = read_config(encoder.folder)
    rows: list[Row] = []
    for name, variant in chosen(variants(recipe, config), only).items():
        found = list(_students(variant, encoder, splits, seeds=seeds, out=out))
        rows.append(Row(variant=name, student=tuple(student for student, _ in found), teacher=found[0][1]))
        note(f"{name}: {recipe.main_metric} {mean(rows[-1].student):.4f}")
        write_atomic(page(out, only), table(rows, recipe.main_metric))
    return rows


def table(rows: list[Row], metric: str) -> str:
    """Return the variants as a Markdown table, the whole recipe first, scores in percent."""
    whole = mean(rows[0].student)
    lines = [
        f"| Variant | {metric} of each seed (%) | mean (%) | against the whole recipe (points) | of the teacher (%) |",
        "|---|---|---:|---:|---:|",
    ]
    for row in rows:
        value = mean(row.student)
        seeds = ", ".join(f"{100 * one:.1f}" for one in row.student)
        lines.append(
            f"| {row.variant} | {seeds} | {100 * value:.1f} | {100 * (value - whole):+.1f} | "
            f"{_of_teacher(value, row.teacher)} |"
        )
    lines.append(f"\nTeacher: {100 * rows[0].teacher:.1f} %.")
    return "\n".join(lines) + "\n"


def _of_teacher(value: float, teacher: float) -> str:
    """Return a score in percent of the teacher's, which says nothing where that is 0 or below."""
    return f"{100 * value / teacher:.1f}" if teacher > 0 else "none"


def page(out: Path, only: Sequence[str]) -> Path:
    """Return the file of the table; that of some variants alone does not take the place of the whole one."""
    return out / ("ablation-only.md" if only else "ablation.md")


def _students(
    variant: Recipe, encoder: Encoder, splits: Splits, *, seeds: int, out: Path
) -> Iterator[tuple[float, float]]:
    """Give the scores of the student of each seed and of the teacher."""
    for number in range(seeds):
        seeded = _of_student(variant, seed=variant.student_seed + number)
        _, student = distil(seeded, encoder, splits, out)
        evaluation = read_evaluation(student)
        yield (
            judge.value(variant.settings, variant.main_metric, evaluation.student, evaluation.labels),
            judge.value(variant.settings, variant.main_metric, evaluation.teacher, evaluation.labels),
        )


def _without(recipe: Recipe, *losses: str) -> Recipe:
    """Return the recipe with no weight on some losses; a stage that is left without any learns the labels, or goes."""
    stages = [_stage_without(stage, losses) for stage in recipe.stages]
    kept = tuple(stage for stage in stages if stage is not None)
    return recipe.model_copy(update={"stages": kept})


def _stage_without(stage: Stage, losses: tuple[str, ...]) -> Stage | None:
    weights = {name: 0.0 if name in losses else weight for name, weight in stage.losses.model_dump().items()}
    if stage.losses.prediction and "prediction" in losses:
        weights["labels"] = stage.losses.labels or stage.losses.prediction
    if not any(weights.values()):
        return None
    return stage.model_copy(update={"losses": LossWeights(**weights)})


def _of_student(recipe: Recipe, **changes: str | int) -> Recipe:
    return recipe.model_copy(update={"student": recipe.student.model_copy(update=changes)})


def _what_trains(variant: Recipe, config: Any) -> str:
    """Return the key of what a variant trains, with its defaults resolved."""
    student = variant.student
    pairs = pairs_of(student, shape_of(student, config), config.num_hidden_layers)
    resolved = {"mapping": pairs, "start": variant.start, "layers": student.layers if variant.start != "random" else ()}
    document = variant.model_dump(mode="json", exclude={"student": set(resolved)})
    return sha256_of_value([document, resolved])

"""What each part of a recipe is worth: the recipe without it, beside the whole (TinyBERT, section 4.4)."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import mean

from contract.files import write_atomic
from contract.progress import note
from distill.card import scores
from distill.dataset import Splits
from distill.distil import distil
from distill.encoder import Encoder
from distill.layer_map import STRATEGIES
from distill.recipe import LossWeights, Recipe, Stage
from distill.student import read_evaluation

WHOLE = "whole recipe"
LAYER_LOSSES = ("embedding", "hidden", "attention", "relation")


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One variant: the student's score for each seed, and the teacher's."""

    variant: str
    student: tuple[float, ...]
    teacher: float


def variants(recipe: Recipe) -> dict[str, Recipe]:
    """Return the whole recipe and, by what they lack or change, those that differ from it in one thing.

    A variant that would not differ is left out: no loss is removed that has no weight.
    """
    found = {WHOLE: recipe}
    for loss in (*LAYER_LOSSES, "prediction"):
        found[f"no {loss} loss"] = _without(recipe, loss)
    found["no layer losses"] = _without(recipe, *LAYER_LOSSES)
    if "augmentation" in recipe.model_fields_set:
        found["no augmentation"] = recipe.model_copy(update={"augmentation": None})
    for mapping in STRATEGIES:
        if mapping != "last":
            found[f"{mapping} mapping"] = _of_student(recipe, mapping=mapping)
    found["random start"] = _of_student(recipe, start="random")
    return {name: one for name, one in found.items() if name == WHOLE or one != recipe}


def ablate(
    recipe: Recipe, encoder: Encoder, load: Callable[[Recipe], Splits], *, seeds: int, metric: str, out: Path
) -> Path:
    """Distil every variant with several seeds; finished students are found again.

    Args:
        recipe: the whole recipe; its seed is the first one.
        encoder: the teacher's model.
        load: gives the data of a recipe.
        seeds: students of each variant; the teacher and the rows drawn are those of the first seed.
        metric: of the students' scores.
        out: the folder of all students, and of the table.

    Returns:
        The table as Markdown, written anew after each variant.
    """
    splits, page = load(recipe), out / "ablation.md"
    rows: list[Row] = []
    for name, variant in variants(recipe).items():
        found = list(_students(variant, encoder, splits, seeds=seeds, metric=metric, out=out))
        rows.append(Row(variant=name, student=tuple(student for student, _ in found), teacher=found[0][1]))
        note(f"{name}: {metric} {mean(rows[-1].student):.4f}")
        write_atomic(page, table(rows, metric))
    return page


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
            f"{100 * value / row.teacher:.1f} |"
        )
    lines.append(f"\nTeacher: {100 * rows[0].teacher:.1f} %.")
    return "\n".join(lines) + "\n"


def _students(
    variant: Recipe, encoder: Encoder, splits: Splits, *, seeds: int, metric: str, out: Path
) -> Iterator[tuple[float, float]]:
    """Give the scores of the student of each seed and of the teacher."""
    for number in range(seeds):
        seeded = _of_student(variant, seed=variant.seed + number)
        _, student = distil(seeded, encoder, splits, out)
        own, theirs = scores(read_evaluation(student))[metric]
        yield own.value, theirs.value


def _without(recipe: Recipe, *losses: str) -> Recipe:
    """Return the recipe with no weight on some losses; a stage that is left without any learns the labels, or goes."""
    stages = [_stage_without(stage, losses) for stage in recipe.stages]
    kept = tuple(stage for stage in stages if stage is not None)
    return recipe.model_copy(update={"stages": kept})


def _stage_without(stage: Stage, losses: tuple[str, ...]) -> Stage | None:
    weights = {name: 0.0 if name in losses else weight for name, weight in stage.losses.model_dump().items()}
    if not any(weights.values()):
        if not stage.losses.prediction:
            return None
        weights["labels"] = 1.0
    elif stage.losses.prediction and not weights["prediction"]:
        weights["labels"] = stage.losses.labels or stage.losses.prediction
    return stage.model_copy(update={"losses": LossWeights(**weights)})


def _of_student(recipe: Recipe, **changes: str | int) -> Recipe:
    return recipe.model_copy(update={"student": recipe.student.model_copy(update=changes)})

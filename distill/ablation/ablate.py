"""Compare a recipe with variants that lack one of its parts (TinyBERT, section 4.4)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from typing import Any

from contract.digest import sha256_of_value
from contract.errors import InputError, near_miss
from contract.files import write_atomic
from contract.progress import note
from distill.data.rows import Splits
from distill.distil import distil
from distill.model.source import Encoder
from distill.recipe import Recipe
from distill.recipe.stage import LossWeights, Stage
from distill.student.initialise import pairs_of, shape_of
from distill.student.layer_map import STRATEGIES
from distill.teacher import read_config
from infer.folders.student import read_evaluation
from infer.tasks import evaluate

WHOLE = "whole recipe"
LAYER_LOSSES = ("embedding", "hidden", "attention", "relation")


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """A variant's scores: of the student for each seed, and of the teacher."""

    variant: str
    student: tuple[float, ...]
    teacher: float


def variants(recipe: Recipe, config: Any) -> dict[str, Recipe]:
    """Return the whole recipe and its variants by name; each variant lacks or changes one thing.

    Variants that would train nothing, or the same as the recipe or an earlier variant, are left out.

    Args:
        recipe: the whole recipe.
        config: the teacher's configuration.
    """
    candidates = {WHOLE: recipe}
    for loss in (*LAYER_LOSSES, "prediction"):
        candidates[f"no {loss} loss"] = _without(recipe, loss)
    candidates["no layer losses"] = _without(recipe, *LAYER_LOSSES)
    if recipe.augmentation is not None:
        candidates["no augmentation"] = recipe.model_copy(update={"augmentation": None})
    for mapping in STRATEGIES:
        if mapping != "last":
            candidates[f"{mapping} mapping"] = _with_student(recipe, mapping=mapping)
    candidates["random start"] = _with_student(recipe, start="random")
    distinct: dict[str, str] = {}
    for name, variant in candidates.items():
        if variant.stages:
            distinct.setdefault(_training_key(variant, config), name)
    return {name: candidates[name] for name in distinct.values()}


def select(variants: dict[str, Recipe], only: Sequence[str]) -> dict[str, Recipe]:
    """Return the whole recipe and the named variants, or all variants if no name is given.

    Raises:
        InputError: unknown variant, with the nearest name.
    """
    for name in only:
        if name not in variants:
            raise InputError(
                f"unknown variant {name!r}{near_miss(name, list(variants))}", f"known: {', '.join(variants)}"
            )
    return {name: variant for name, variant in variants.items() if not only or name in (WHOLE, *only)}


def ablate(
    recipe: Recipe,
    encoder: Encoder,
    splits: Splits,
    *,
    seeds: int,
    out: Path,
    only: Sequence[str] = (),
) -> list[Row]:
    """Distil every variant with several seeds; finished students are reused.

    Args:
        recipe: the whole recipe; its student seed is the first seed.
        encoder: the teacher's model.
        splits: data for all variants.
        seeds: number of students per variant; the teacher and the sampled rows always use the recipe's seed.
        out: folder for all students and for the table.
        only: names of the variants to distil; all if empty.

    Returns:
        A row for each variant, the whole recipe first; the table in `table_path` is updated after each variant.

    Raises:
        InputError: unknown variant, or a variant's student cannot be trained.
    """
    config = read_config(encoder.folder)
    rows: list[Row] = []
    for name, variant in select(variants(recipe, config), only).items():
        scores = list(_scores(variant, encoder, splits, seeds=seeds, out=out))
        rows.append(Row(variant=name, student=tuple(student for student, _ in scores), teacher=scores[0][1]))
        note(f"{name}: {recipe.main_metric} {mean(rows[-1].student):.4f}")
        write_atomic(table_path(out, only), table(rows, recipe.main_metric))
    return rows


def table(rows: list[Row], metric: str) -> str:
    """Return the rows as a Markdown table, the whole recipe first, with scores in percent."""
    whole = mean(rows[0].student)
    lines = [
        f"| Variant | {metric} by seed (%) | mean (%) | difference to the whole recipe (points) | of the teacher (%) |",
        "|---|---|---:|---:|---:|",
    ]
    for row in rows:
        value = mean(row.student)
        seeds = ", ".join(f"{100 * score:.1f}" for score in row.student)
        lines.append(
            f"| {row.variant} | {seeds} | {100 * value:.1f} | {100 * (value - whole):+.1f} | "
            f"{_share_of_teacher(value, row.teacher)} |"
        )
    lines.append(f"\nTeacher: {100 * rows[0].teacher:.1f} %.")
    return "\n".join(lines) + "\n"


def _share_of_teacher(value: float, teacher: float) -> str:
    """Return a score in percent of the teacher's, or `none` if that is not positive."""
    return f"{100 * value / teacher:.1f}" if teacher > 0 else "none"


def table_path(out: Path, only: Sequence[str]) -> Path:
    """Return the path of the table; a table of selected variants does not overwrite the full one."""
    return out / ("ablation-only.md" if only else "ablation.md")


def _scores(
    variant: Recipe, encoder: Encoder, splits: Splits, *, seeds: int, out: Path
) -> Iterator[tuple[float, float]]:
    """Yield the scores of the student and of the teacher for each seed."""
    for number in range(seeds):
        seeded = _with_student(variant, seed=variant.student_seed + number)
        _, student = distil(seeded, encoder, splits, out)
        evaluation = read_evaluation(student)
        yield (
            evaluate.value(variant.settings, variant.main_metric, evaluation.student, evaluation.labels),
            evaluate.value(variant.settings, variant.main_metric, evaluation.teacher, evaluation.labels),
        )


def _without(recipe: Recipe, *losses: str) -> Recipe:
    """Return the recipe without some losses; a stage that has no loss left learns the labels or is dropped."""
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


def _with_student(recipe: Recipe, **changes: str | int) -> Recipe:
    return recipe.model_copy(update={"student": recipe.student.model_copy(update=changes)})


def _training_key(variant: Recipe, config: Any) -> str:
    """Return a key that is equal for variants that train the same student, with defaults resolved."""
    student = variant.student
    pairs = pairs_of(student, shape_of(student, config), config.num_hidden_layers)
    resolved = {"mapping": pairs, "start": variant.start, "layers": student.layers if variant.start != "random" else ()}
    document = variant.model_dump(mode="json", exclude={"student": set(resolved)})
    return sha256_of_value([document, resolved])

"""`tinybert distill`: from a teacher and data to a student folder."""

import json as json_module
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from distill.data.rows import Splits
    from distill.model.source import Encoder
    from distill.recipe import Recipe

RecipeArgument = Annotated[
    str, typer.Argument(help="A TOML file, the name of a built-in recipe, or a file or folder of your own data.")
]
DataOption = Annotated[Path | None, typer.Option("--data", help="Folder of the recipe's data files.")]
ValidationOption = Annotated[
    str | None, typer.Option("--validation", help="File or split to judge on, instead of the recipe's.")
]
TeacherOption = Annotated[
    str | None, typer.Option("--teacher", help="Use another teacher: a Hugging Face name, a folder, or package:NAME.")
]
DatasetOption = Annotated[
    str | None,
    typer.Option("--dataset", help="Use a Hugging Face data set instead of files: NAME or NAME:CONFIGURATION."),
]
SetOption = Annotated[
    list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Change one key of the recipe; may be repeated.")
]
OutOption = Annotated[Path | None, typer.Option("--out", help="Folder to write to.  \\[default: runs/RECIPE]")]
DryRunOption = Annotated[
    bool, typer.Option("--dry-run", help="Show layers, sizes, steps and memory without training or writing anything.")
]
SmokeOption = Annotated[
    bool, typer.Option("--smoke", help="Only test whether the recipe can learn 32 rows, in a temporary folder.")
]
SearchOption = Annotated[
    int | None,
    typer.Option(
        "--search",
        min=1,
        metavar="N",
        help="Search for better values with N trials in total, scored on held-out training rows; trials are kept.",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print machine-readable output.")]


def distill(
    recipe: RecipeArgument,
    data: DataOption = None,
    validation: ValidationOption = None,
    teacher: TeacherOption = None,
    dataset: DatasetOption = None,
    changes: SetOption = None,
    out: OutOption = None,
    dry_run: DryRunOption = False,
    smoke: SmokeOption = False,
    search: SearchOption = None,
    json: JsonOption = False,
) -> None:
    """Distil a teacher to a small student.

    The teacher is fine-tuned first unless it is already trained for the task. Finished parts are reused, and an
    interrupted training is resumed.

    Examples:

        tinybert distill quickstart

        tinybert distill sst2 --data data/sst2 --set student.layers="[1, 5]"

        tinybert distill sst2 --teacher google-bert/bert-base-uncased --dataset nyu-mll/glue:sst2

        tinybert distill train.csv --validation dev.csv --teacher google-bert/bert-base-uncased

        tinybert distill quickstart --dry-run

        tinybert distill quickstart --smoke

        tinybert distill sst2 --data data/sst2 --search 20
    """
    from contract.lock import locked
    from distill.prepare import prepare
    from distill.silence import silence_libraries
    from distill.training import processes

    silence_libraries()
    _check_exclusive(dry_run, smoke, search is not None)
    prepared = prepare(recipe, data, teacher, dataset, changes, validation=validation)
    folder = out or Path("runs") / prepared[0].name
    if dry_run:
        _dry_run(*prepared, json=json)
    elif smoke:
        _smoke(*prepared, json=json)
    elif search is not None:
        with locked(folder):
            _search(*prepared, folder, search, json=json)
    else:
        from distill.distil import distil

        with processes.lock(folder):
            _, student = distil(*prepared, folder)
            if processes.is_main() and json:
                typer.echo(json_module.dumps(as_json(student, prepared[0].main_metric)))
            elif processes.is_main():
                show(student, prepared[0].main_metric)


def _check_exclusive(*chosen: bool) -> None:
    from contract.errors import InputError

    if sum(chosen) > 1:
        raise InputError("--dry-run, --smoke and --search cannot be combined", "give only one of them")


def as_json(student: Path, main_metric: str) -> dict[str, Any]:
    """Return a student's folder, shape and scores, the main metric first, for machines to read."""
    from distill.student.card import scores
    from infer.folders.student import read_evaluation, read_student

    manifest = read_student(student)
    intervals = scores(manifest.task, read_evaluation(student), main_metric)
    values = {
        name: {"student": of_student.value, "teacher": of_teacher.value}
        for name, (of_student, of_teacher) in intervals.items()
    }
    return {"student": str(student), "shape": manifest.shape, "scores": values}


def show(student: Path, main_metric: str) -> None:
    """Print a student's scores, the main metric first, and then its folder."""
    from distill.student.card import scores
    from infer import tasks
    from infer.folders.student import read_evaluation, read_student
    from infer.tasks import constant

    manifest, evaluation = read_student(student), read_evaluation(student)
    intervals = scores(manifest.task, evaluation, main_metric)
    from rich.console import Console
    from rich.table import Table

    always_same = constant.values(manifest.task, evaluation.labels)
    heading = f"always {tasks.get(manifest.task.kind).CONSTANT}"
    table = Table("metric", "student", "95 % interval", "teacher", heading, title=f"{manifest.name}: {manifest.shape}")
    for name, (of_student, of_teacher) in intervals.items():
        interval = f"{of_student.low:.3f} to {of_student.high:.3f}"
        table.add_row(name, f"{of_student.value:.3f}", interval, f"{of_teacher.value:.3f}", f"{always_same[name]:.3f}")
    Console().print(table)
    typer.echo(str(student))


def _dry_run(recipe: "Recipe", encoder: "Encoder", splits: "Splits", *, json: bool) -> None:
    from distill.dry_run import render
    from distill.dry_run.dry_run import dry_run

    report = dry_run(recipe, encoder, splits)
    if json:
        typer.echo(json_module.dumps(render.as_json(report)))
    else:
        render.show(report)


def _smoke(recipe: "Recipe", encoder: "Encoder", splits: "Splits", *, json: bool) -> None:
    from dataclasses import asdict

    from distill.smoke import smoke

    result = smoke(recipe, encoder, splits)
    if json:
        typer.echo(json_module.dumps(asdict(result)))
    else:
        typer.echo(
            f"{recipe.name}: {recipe.main_metric} on {result.rows} training rows: teacher {result.teacher:.3f}, "
            f"student {result.student:.3f} after {result.epochs} epochs of each stage"
        )


def _search(recipe: "Recipe", encoder: "Encoder", splits: "Splits", folder: Path, trials: int, *, json: bool) -> None:
    from dataclasses import asdict

    from contract.errors import require

    require("optuna", extra="distill")
    from distill.search import search

    result = search(recipe, encoder, splits, folder, trials=trials)
    if json:
        typer.echo(json_module.dumps({**asdict(result), "storage": str(result.storage)}))
        return
    unchanged = "" if result.own_score is None else f", {result.own_score:.4f} with the unchanged recipe"
    typer.echo(f"{result.finished} trials finished, {result.failed} failed; best score on held-out training rows:")
    typer.echo(f"{result.score:.4f}{unchanged}")
    for change in result.changes:
        typer.echo(f"--set {shlex.quote(change)}")
    typer.echo(str(result.storage))

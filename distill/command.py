"""`tinybert distill`: teacher and data to a student folder."""

import json as json_module
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from distill.data.dataset import Splits
    from distill.model.encoder import Encoder
    from distill.recipe import Recipe

DataOption = Annotated[Path | None, typer.Option("--data", help="Folder of the recipe's data files.")]
TeacherOption = Annotated[
    str | None, typer.Option("--teacher", help="Another teacher: a Hugging Face name, a folder, or package:NAME.")
]
DatasetOption = Annotated[
    str | None, typer.Option("--dataset", help="A Hugging Face data set, NAME or NAME:CONFIGURATION, instead of files.")
]
SetOption = Annotated[
    list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Change one key of the recipe; may be repeated.")
]
OutOption = Annotated[Path | None, typer.Option("--out", help="Folder to write to.  \\[default: runs/RECIPE]")]
DryRunOption = Annotated[
    bool, typer.Option("--dry-run", help="Show layers, sizes, steps and memory; train and write nothing.")
]
SmokeOption = Annotated[
    bool, typer.Option("--smoke", help="Only see whether the recipe can learn 32 rows, in a temporary folder.")
]
SearchOption = Annotated[
    int | None,
    typer.Option(
        "--search",
        min=1,
        metavar="N",
        help="Search better values with N trials in all, judged on held-out training rows; finished ones are kept.",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print machine-readable output.")]


def distill(
    recipe: Annotated[str, typer.Argument(help="A recipe: a TOML file, or the name of one that comes along.")],
    data: DataOption = None,
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

    The teacher is fine-tuned first when it is not yet trained for the task. Finished parts are found again, an
    interrupted training goes on where it was.

    Examples:

        tinybert distill quickstart

        tinybert distill sst2 --data data/sst2 --set student.layers="[1, 5]"

        tinybert distill sst2 --teacher google-bert/bert-base-uncased --dataset nyu-mll/glue:sst2

        tinybert distill quickstart --dry-run

        tinybert distill quickstart --smoke

        tinybert distill sst2 --data data/sst2 --search 20
    """
    from contract.lock import locked
    from distill.quiet import quiet
    from distill.training import processes

    quiet()
    _check_one(dry_run, smoke, search is not None)
    prepared = prepare(recipe, data, teacher, dataset, changes)
    folder = out or Path("runs") / prepared[0].name
    if dry_run:
        _dry_run(*prepared, json=json)
    elif smoke:
        _try_a_few_rows(*prepared, json=json)
    elif search is not None:
        with locked(folder):
            _search(*prepared, folder, search, json=json)
    else:
        from distill.distil import distil

        with processes.together(folder):
            _, student = distil(*prepared, folder)
            if processes.is_main() and json:
                typer.echo(json_module.dumps(as_json(student, prepared[0].main_metric)))
            elif processes.is_main():
                show(student, prepared[0].main_metric)


def _check_one(*chosen: bool) -> None:
    from contract.errors import InputError

    if sum(chosen) > 1:
        raise InputError("--dry-run, --smoke and --search exclude each other", "give one of them")


def prepare(
    recipe: str, data: Path | None, teacher: str | None, dataset: str | None, changes: list[str] | None
) -> "tuple[Recipe, Encoder, Splits]":
    """Read and check everything a distillation needs, before anything is written.

    Raises:
        InputError: the recipe, what it names, or the data is wrong.
    """
    from contract.errors import InputError, require
    from contract.progress import note

    require("torch", "transformers", "accelerate", "datasets", "sklearn", "tensorboard", extra="distill")
    from distill import recipe as recipes
    from distill import references
    from distill.data import dataset as datasets
    from distill.model import encoder
    from distill.recipe import shape

    overrides = []
    if teacher is not None:
        overrides.append(f"teacher.model={json_module.dumps(teacher)}")
    if dataset is not None:
        # The recipe's names are of files; the hub's splits have the usual ones unless --set says otherwise.
        names = ['data.train="train"', 'data.validation="validation"']
        overrides += ['data.format="hub"', f"data.dataset={json_module.dumps(dataset)}", *names]
    overrides += changes or ()
    document = recipes.read(recipe, tuple(overrides))
    if document.student.preset:
        shape.preset(document.student.preset)
    if data is not None and not document.data.reads_files:
        kind = "are generated" if document.data.format == "generated" else "come from the hub"
        raise InputError(f"--data {data}: the sentences of {document.name} {kind}", "leave it out, or set data.format")
    if document.general and document.start != "general":
        note(f"the section [general] is not used: the student starts {document.start}")
    found = encoder.locate(document.teacher.model)
    references.check(document, found)
    splits = datasets.load(document.data, data, document.seed, document.task)
    datasets.check_splits_differ(splits)
    return document, found, splits


def as_json(student: Path, main_metric: str) -> dict[str, Any]:
    """Return a student's folder, shape and scores, the main metric's first, for machines to read."""
    from distill.student.card import scores
    from infer.folders.student import read_evaluation, read_student

    manifest = read_student(student)
    found = scores(manifest.task, read_evaluation(student), main_metric)
    values = {name: {"student": own.value, "teacher": theirs.value} for name, (own, theirs) in found.items()}
    return {"student": str(student), "shape": manifest.shape, "scores": values}


def show(student: Path, main_metric: str) -> None:
    """Print a student's scores, the main metric's first, and, last, its folder."""
    from distill.student.card import scores
    from infer.folders.student import read_evaluation, read_student

    manifest = read_student(student)
    found = scores(manifest.task, read_evaluation(student), main_metric)
    from rich.console import Console
    from rich.table import Table

    table = Table("metric", "student", "95 % interval", "teacher", title=f"{manifest.name}: {manifest.shape}")
    for name, (own, theirs) in found.items():
        table.add_row(name, f"{own.value:.3f}", f"{own.low:.3f} to {own.high:.3f}", f"{theirs.value:.3f}")
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


def _try_a_few_rows(recipe: "Recipe", encoder: "Encoder", splits: "Splits", *, json: bool) -> None:
    from dataclasses import asdict

    from distill.smoke import smoke

    reached = smoke(recipe, encoder, splits)
    if json:
        typer.echo(json_module.dumps(asdict(reached)))
    else:
        typer.echo(
            f"{recipe.name}: {recipe.main_metric} on {reached.rows} training rows: teacher {reached.teacher:.3f}, "
            f"student {reached.student:.3f} after {reached.epochs} epochs of each stage"
        )


def _search(recipe: "Recipe", encoder: "Encoder", splits: "Splits", folder: Path, trials: int, *, json: bool) -> None:
    from dataclasses import asdict

    from contract.errors import require

    require("optuna", extra="distill")
    from distill.search import search

    found = search(recipe, encoder, splits, folder, trials=trials)
    if json:
        typer.echo(json_module.dumps({**asdict(found), "storage": str(found.storage)}))
        return
    own = "" if found.own_score is None else f", {found.own_score:.4f} as the recipe stands"
    typer.echo(f"{found.finished} trials, {found.failed} failed; best score on held-out training rows:")
    typer.echo(f"{found.score:.4f}{own}")
    for change in found.changes:
        typer.echo(f"--set {shlex.quote(change)}")
    typer.echo(str(found.storage))

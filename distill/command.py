"""`tinybert distill`: teacher and data to a student folder."""

import json as json_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from distill.dataset import Splits
    from distill.encoder import Encoder
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
OutOption = Annotated[Path | None, typer.Option("--out", help="Folder to write to.  [default: runs/RECIPE]")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print machine-readable output.")]


def distill(
    recipe: Annotated[str, typer.Argument(help="A recipe: a TOML file, or the name of one that comes along.")],
    data: DataOption = None,
    teacher: TeacherOption = None,
    dataset: DatasetOption = None,
    changes: SetOption = None,
    out: OutOption = None,
    json: JsonOption = False,
) -> None:
    """Distil a teacher to a small student.

    The teacher is fine-tuned first when it is not yet a classifier. Finished parts are found again, an interrupted
    training goes on where it was.

    Examples:

        tinybert distill quickstart

        tinybert distill sst2 --data data/sst2 --set student.layers="[1, 5]"

        tinybert distill sst2 --teacher google-bert/bert-base-uncased --dataset nyu-mll/glue:sst2
    """
    from distill import processes
    from distill.quiet import quiet

    quiet()
    document, encoder, splits = prepare(recipe, data, teacher, dataset, changes)
    from distill.distil import distil

    folder = out or Path("runs") / document.name
    with processes.together(folder):
        _, student = distil(document, encoder, splits, folder)
        if processes.is_main():
            show(student, json=json)


def prepare(
    recipe: str, data: Path | None, teacher: str | None, dataset: str | None, changes: list[str] | None
) -> "tuple[Recipe, Encoder, Splits]":
    """Read and check everything a distillation needs, before anything is written.

    Raises:
        InputError: the recipe, the teacher's name or the data is wrong.
    """
    from contract.errors import require
    from distill import dataset as datasets
    from distill import encoder, shape
    from distill import recipe as recipes

    require("torch", "transformers", "accelerate", "datasets", "sklearn", "tensorboard", extra="distill")
    overrides = []
    if teacher:
        overrides.append(f"teacher.model={json_module.dumps(teacher)}")
    if dataset:
        # The recipe's names are of files; the hub's splits have the usual ones unless --set says otherwise.
        splits = ['data.train="train"', 'data.validation="validation"']
        overrides += ['data.format="hub"', f"data.dataset={json_module.dumps(dataset)}", *splits]
    overrides += changes or ()
    document = recipes.read(recipe, tuple(overrides))
    if document.student.preset:
        shape.preset(document.student.preset)
    found = encoder.locate(document.teacher.model)
    return document, found, datasets.load(document.data, data, document.seed)


def show(student: Path, *, json: bool) -> None:
    """Print a student's scores and, last, its folder."""
    from distill.card import scores
    from distill.student import read_evaluation, read_student

    found = scores(read_evaluation(student))
    manifest = read_student(student)
    if json:
        values = {name: {"student": own.value, "teacher": theirs.value} for name, (own, theirs) in found.items()}
        typer.echo(json_module.dumps({"student": str(student), "shape": manifest.shape, "scores": values}))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table("metric", "student", "95 % interval", "teacher", title=f"{manifest.name}: {manifest.shape}")
    for name, (own, theirs) in found.items():
        table.add_row(name, f"{own.value:.3f}", f"{own.low:.3f} to {own.high:.3f}", f"{theirs.value:.3f}")
    Console().print(table)
    typer.echo(str(student))

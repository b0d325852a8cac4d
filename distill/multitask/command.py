"""`tinybert multitask`: distil the teachers of several tasks into one encoder."""

import json as json_module
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer

from distill.command import JsonOption, SetOption


def multitask(
    recipe: Annotated[Path, typer.Argument(help="TOML file with the tasks' recipes and the student.")],
    data: Annotated[
        Path | None, typer.Option("--data", help="Folder with a folder of data files for each recipe, named like it.")
    ] = None,
    changes: SetOption = None,
    out: Annotated[Path | None, typer.Option("--out", help="Folder to write to.  \\[default: runs/NAME]")] = None,
    json: JsonOption = False,
) -> None:
    """Distil the teachers of several tasks into one encoder with a head per task.

    Each task gets a student folder, to convert and measure like any other; all of them contain the same encoder.

    Examples:

        tinybert multitask pairs.toml --data data

        tinybert multitask pairs.toml --data data --set student.layers="[1, 5]"
    """
    from contract.lock import locked
    from distill import recipe as tasks_recipes
    from distill.command import as_json, show
    from distill.multitask import recipe as recipes
    from distill.prepare import prepare
    from distill.silence import silence_libraries
    from distill.training import processes

    silence_libraries()
    document = recipes.read(recipe, tuple(changes or ()))
    prepared = []
    for name in document.recipes:
        path = recipe.parent / name
        task = str(path if path.is_file() else name)
        reads_files = tasks_recipes.read(task).data.reads_files
        folder = data / Path(name).stem if data is not None and reads_files else None
        prepared.append(prepare(task, folder))
    from distill.multitask.distil import TaskData, distil

    tasks = [TaskData(recipe=task, encoder=encoder, splits=splits) for task, encoder, splits in prepared]
    folder = out or Path("runs") / document.name
    with processes.lock(folder), ExitStack() as locks:
        if processes.is_main():  # a distillation of a single task may use the same folder
            for name in sorted({task.recipe.name for task in tasks}):
                locks.enter_context(locked(folder / name))
        students = distil(document, tasks, folder)
        if not processes.is_main():
            return
        metrics = [task.recipe.main_metric for task in tasks]
        if json:
            typer.echo(
                json_module.dumps([as_json(student, metric) for student, metric in zip(students, metrics, strict=True)])
            )
        else:
            for student, metric in zip(students, metrics, strict=True):
                show(student, metric)

"""`tinybert multitask`: the teachers of several tasks to one encoder."""

import json as json_module
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer

from distill.command import JsonOption, SetOption


def multitask(
    recipe: Annotated[Path, typer.Argument(help="A TOML file that names the tasks' recipes and the student.")],
    data: Annotated[
        Path | None, typer.Option("--data", help="Folder with a folder of data files for each recipe, by its name.")
    ] = None,
    changes: SetOption = None,
    out: Annotated[Path | None, typer.Option("--out", help="Folder to write to.  \\[default: runs/NAME]")] = None,
    json: JsonOption = False,
) -> None:
    """Distil the teachers of several tasks to one encoder with a head for each.

    Each task gets a student folder, to convert and measure like any other; the encoders in them are the same.

    Examples:

        tinybert multitask pairs.toml --data data

        tinybert multitask pairs.toml --data data --set student.layers="[1, 5]"
    """
    from contract.lock import locked
    from distill import recipe as tasks_recipes
    from distill.command import as_json, prepare, show
    from distill.multitask import recipe as recipes
    from distill.silence import silence_libraries
    from distill.training import processes

    silence_libraries()
    document = recipes.read(recipe, tuple(changes or ()))
    prepared = []
    for name in document.recipes:
        beside = recipe.parent / name
        task = str(beside if beside.is_file() else name)
        is_of_files = tasks_recipes.read(task).data.is_of_files
        folder = data / Path(name).stem if data is not None and is_of_files else None
        prepared.append(prepare(task, folder, None, None, None))
    from distill.multitask.distil import TaskData, distil

    tasks = [TaskData(recipe=one, encoder=encoder, splits=splits) for one, encoder, splits in prepared]
    folder = out or Path("runs") / document.name
    with processes.lock(folder), ExitStack() as held:
        if processes.is_main():  # a task's own folder may be used by a distillation of that task alone
            for name in sorted({one.recipe.name for one in tasks}):
                held.enter_context(locked(folder / name))
        students = distil(document, tasks, folder)
        if not processes.is_main():
            return
        metrics = [one.recipe.main_metric for one in tasks]
        if json:
            typer.echo(json_module.dumps([as_json(*made) for made in zip(students, metrics, strict=True)]))
        else:
            for student, metric in zip(students, metrics, strict=True):
                show(student, metric)

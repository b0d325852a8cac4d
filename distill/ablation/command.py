"""`tinybert ablate`: the contribution of each part of a recipe."""

import json as json_module
from pathlib import Path
from typing import Annotated

import typer

from distill.command import DataOption, DatasetOption, JsonOption, OutOption, SetOption, TeacherOption


def ablate(
    recipe: Annotated[str, typer.Argument(help="TOML file, or name of a built-in recipe.")],
    data: DataOption = None,
    teacher: TeacherOption = None,
    dataset: DatasetOption = None,
    changes: SetOption = None,
    seeds: Annotated[int, typer.Option("--seeds", min=1, help="Students per variant.")] = 1,
    only: Annotated[
        list[str] | None,
        typer.Option("--only", metavar="NAME", help="A variant to compare with the whole recipe; may be repeated."),
    ] = None,
    out: OutOption = None,
    json: JsonOption = False,
) -> None:
    """Distil variants of a recipe that each lack one part, and compare the students.

    A variant drops one loss or the augmentation, or changes the mapping or start. Finished students are reused.

    Examples:

        tinybert ablate sst2 --data data/sst2 --seeds 3

        tinybert ablate quickstart --only "random start" --only "no attention loss"
    """
    from contract.lock import locked
    from distill.prepare import prepare
    from distill.silence import silence_libraries

    silence_libraries()
    prepared = prepare(recipe, data, teacher, dataset, changes)
    from dataclasses import asdict

    from distill.ablation import ablate as ablation

    folder = out or Path("runs") / prepared[0].name
    with locked(folder):
        rows = ablation.ablate(*prepared, seeds=seeds, out=folder, only=only or ())
    if json:
        typer.echo(json_module.dumps({"metric": prepared[0].main_metric, "rows": [asdict(row) for row in rows]}))
        return
    typer.echo(ablation.table(rows, prepared[0].main_metric))
    typer.echo(str(ablation.table_path(folder, only or ())))

"""`tinybert init`: a recipe for a user's own data."""

from pathlib import Path
from typing import Annotated

import typer


def init(
    data: Annotated[str, typer.Argument(help="A data file, a folder with one named train, or a data set of the hub.")],
    validation: Annotated[
        str | None,
        typer.Option("--validation", help="File or split to judge on.  \\[default: looked for, or held out]"),
    ] = None,
    teacher: Annotated[
        str | None, typer.Option("--teacher", help="A Hugging Face name, a folder, or package:NAME.")
    ] = None,
    text: Annotated[str | None, typer.Option("--text", help="Column of the texts.")] = None,
    text_pair: Annotated[str | None, typer.Option("--text-pair", help="Column of the second texts of pairs.")] = None,
    label: Annotated[str | None, typer.Option("--label", help="Column of the labels.")] = None,
    out: Annotated[Path | None, typer.Option("--out", help="File to write.  \\[default: NAME.toml]")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace an existing file.")] = False,
) -> None:
    """Write a recipe for your data: format, columns, task and labels are found, and what was assumed is said.

    Examples:

        tinybert init reviews.csv

        tinybert init data/mydata --teacher google-bert/bert-base-uncased --out mydata.toml

        tinybert init train.tsv --validation dev.tsv --text question --label intent
    """
    from contract.errors import InputError
    from contract.files import write_atomic
    from contract.progress import note
    from distill.init.draft import draft

    drafted = draft(
        data,
        beside=(out or Path()).parent.resolve(),
        validation=validation,
        teacher=teacher,
        text=text,
        text_pair=text_pair,
        label=label,
    )
    path = out or Path(f"{drafted.name}.toml")
    if path.exists() and not force:
        raise InputError(f"{path}: exists", "choose another --out, or replace it with --force")
    write_atomic(path, drafted.text)
    for line in drafted.assumed:
        note(line)
    typer.echo(str(path))

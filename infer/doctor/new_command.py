"""`tinybert target new`: a device profile of this machine."""

from pathlib import Path
from typing import Annotated

import typer


def new(
    name: Annotated[str, typer.Argument(help="The target's name: small letters, digits and hyphens.")],
    force: Annotated[bool, typer.Option("--force", help="Replace the file if it exists.")] = False,
) -> None:
    """Write NAME.toml, a device profile of this machine, from what `tinybert doctor` finds on it.

    It is valid as it is; its comments say what a human should complete. Use it as `--target NAME.toml`.

    Examples:

        tinybert target new my-board

        tinybert target new my-board --force
    """
    from contract.errors import InputError
    from infer.doctor import draft
    from infer.doctor.report import examine

    draft.check_name(name)
    path = Path(f"{name}.toml")
    if path.exists() and not force:
        raise InputError(f"{path}: exists", "choose another name, or replace it with --force")
    draft.write(examine(), name, path)
    typer.echo(str(path))

"""The command line `tinybert`: it mounts each stage's command; nothing imports it."""

import typer
from distill.command import distill

app = typer.Typer(no_args_is_help=True)
app.command()(distill)
@app.callback()
def cb() -> None: ...
def main() -> None:
    app()

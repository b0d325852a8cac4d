"""The command `tinybert report`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from bench.report.view import View

RESULTS = Path("results")
OUT = Path("results/report.html")


def report(
    results: Annotated[
        list[Path] | None, typer.Argument(help="Record files, or folders of them.", show_default="results")
    ] = None,
    out: Annotated[Path, typer.Option("--out", help="The HTML page to write.")] = OUT,
    json: Annotated[bool, typer.Option("--json", help="Print machine-readable rows.")] = False,
) -> None:
    """Compare records in a table and two pictures: an HTML page that works offline, and Markdown.

    Examples:

        tinybert report

        tinybert report results/laptop-x86 results/raspberry-pi-5 --out comparison.html

        tinybert report results --json
    """
    from bench.report.write import views_of, write_views

    views = views_of(results or [RESULTS], out)
    path = write_views(views, out)
    if json:
        from bench.report.json_rows import render

        typer.echo(render(views, path))
        return
    _show(views)
    typer.echo(path)


def _show(views: "list[View]") -> None:
    """Print tables to a terminal, Markdown otherwise."""
    import sys

    from bench.report import markdown, terminal

    for view in views:
        if sys.stdout.isatty():
            terminal.show(view)
        else:
            typer.echo(markdown.results(view))

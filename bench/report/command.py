"""The command `tinybert report`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from bench.report.view import View


def report(
    results: Annotated[
        list[Path] | None,
        typer.Argument(
            help="Record files, or folders of them.", show_default="results, or else those of the last tinybert run"
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", help="The HTML page to write.", show_default="results/report.html, or the run's report.html"
        ),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print machine-readable rows.")] = False,
) -> None:
    """Compare records in a table and two pictures: an HTML page that works offline, and Markdown.

    Examples:

        tinybert report

        tinybert report results/laptop-x86 results/raspberry-pi-5 --out comparison.html

        tinybert report results --json
    """
    from bench.report.locate import find_results, page_of
    from bench.report.write import views_of, write_views

    folders = results or [find_results()]
    page = out or page_of(folders[0] if not results else None)
    views = views_of(folders, page)
    path = write_views(views, page)
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

"""Write the report: an HTML page, the same as Markdown, and the quality-latency pictures as SVG, in one folder."""

from collections.abc import Sequence
from pathlib import Path

from bench.report.view import View
from contract.errors import InputError
from contract.files import write_atomic

PICTURE = "pareto"


def write_report(paths: Sequence[Path], out: Path) -> Path:
    """Read records and write their report.

    Args:
        paths: record files, or folders of them.
        out: the HTML page to write; Markdown and pictures go to the same folder.

    Returns:
        The page's path.

    Raises:
        InputError: there are no records, one is broken, or `out` is not an HTML file; nothing is written.
        MissingExtraError: a library of the extra `report` is not installed.
    """
    return write_views(views_of(paths, out), out)


def views_of(paths: Sequence[Path], out: Path) -> list[View]:
    """Read records and return a view of each session.

    Raises:
        InputError: as `write_report`.
        MissingExtraError: as `write_report`.
    """
    from bench.report.read import read_sessions
    from bench.report.view import view_of

    if out.suffix != ".html" or out.is_dir():
        raise InputError(f"{out}: the report is an HTML file", "give --out a name that ends in .html")
    return [view_of(session) for session in read_sessions(paths)]


def write_views(views: Sequence[View], out: Path) -> Path:
    """Write the page last, so that an existing page always has its Markdown and pictures."""
    from bench.report import markdown, page, pareto
    from bench.report.figure import write_svg

    text = page.render(views)
    out.parent.mkdir(parents=True, exist_ok=True)
    pictures: list[str] = []
    for view in views:
        chart = pareto.chart(view.rows)
        number = 1 + sum(map(bool, pictures))
        name = f"{PICTURE}-{number}.svg" if number > 1 else f"{PICTURE}.svg"
        if chart:
            write_svg(chart, out.with_name(name))
        pictures.append(name if chart else "")
    write_atomic(markdown_path(out), markdown.render(views, pictures))
    write_atomic(out, text)
    return out


def markdown_path(out: Path) -> Path:
    """Return the path of a page's Markdown: REPORT.md for report.html, else the same name."""
    return out.with_name("REPORT.md") if out.stem == "report" else out.with_suffix(".md")

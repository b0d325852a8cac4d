"""The report as GitHub Markdown, for a pull request, a CI summary or a terminal."""

import re
from collections.abc import Iterator, Sequence

from bench.report.page import TITLE
from bench.report.view import Cell, Grid, View, legend_of
from contract.text import CONTROLS

ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}


def render(views: Sequence[View], pictures: Sequence[str]) -> str:
    """Return the report.

    Args:
        views: the sessions.
        pictures: the file name of each session's quality-latency picture, or an empty text.
    """
    lines = [f"# {TITLE}", ""]
    for view, picture in zip(views, pictures, strict=True):
        lines += _session(view, picture)
    lines += ["## What the columns mean", ""]
    lines += [f"- **{escape(column.heading)}**: {escape(column.meaning)}" for column in legend_of(views)]
    return "\n".join(lines) + "\n"


def results(view: View) -> str:
    """Return the part for a terminal: a session's title, summary, notes and table."""
    notes = [f"- {escape(note)}" for note in view.notes]
    summary = [escape(view.summary), "", *notes, ""] if notes else [escape(view.summary), ""]
    return "\n".join([f"## {escape(view.title)}", "", *summary, *_grid(view.results)])


def escape(text: str) -> str:
    """Return any text as one line that Markdown shows literally."""
    line = " ".join(CONTROLS.sub(" ", text).split())
    line = "".join(ENTITIES.get(character, character) for character in line)
    return re.sub(r"([\\`*_\[\]|~])", r"\\\1", line)


def _session(view: View, picture: str) -> Iterator[str]:
    yield from (results(view), "")
    if picture:
        yield from (f"![{view.metric.heading} against median latency of each model]({picture})", "")
    yield from ("### How it was measured", "", *_grid(view.details))
    yield from (f"- **{escape(name)}**: {escape(text)}" for name, text in view.facts)
    yield ""


def _grid(grid: Grid) -> Iterator[str]:
    yield _line(escape(column.heading) for column in grid.columns)
    yield _line("---:" if column.number else "---" for column in grid.columns)
    for index, line in enumerate(grid.lines):
        yield _line(_cell(cell, index == grid.best and column == 0) for column, cell in enumerate(line))
    yield ""
    for letter, note in grid.notes:
        yield f"- <sup>{letter}</sup> {escape(note)}"
    if grid.notes:
        yield ""


def _line(cells: Iterator[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cell(cell: Cell, best: bool) -> str:
    text = f"**{escape(cell.line)}**" if best else escape(cell.line)
    return f"{text}<sup>{cell.note}</sup>" if cell.note else text

"""The report for a terminal, with only the columns that fit."""

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from bench.report.columns import TERMINAL, columns_of
from bench.report.view import Cell, View, grid_of


def show(view: View, console: Console | None = None) -> None:
    """Print a session's title, table, footnotes and summary; markup in names is printed literally."""
    console = console or Console()
    grid = grid_of(view.rows, columns_of(TERMINAL, view.metric), view.results.best)
    table = Table(title=Text(_line(view.title)), title_justify="left", title_style="bold", box=SIMPLE_HEAD)
    for column in grid.columns:
        table.add_column(Text(f"{column.title}\n{column.unit}"), justify="right" if column.number else "left")
    for index, line in enumerate(grid.lines):
        table.add_row(*map(_cell, line), style="bold" if index == grid.best else None)
    console.print(table)
    for letter, note in grid.notes:
        console.print(Text(f"[{letter}] {_line(note)}", style="dim"))
    for row in view.rows:
        if row.validity != "valid":
            console.print(Text(_line(f"{row.model} is {row.verdict}"), style="yellow"))
    for sentence in view.notes:
        console.print(Text(_line(sentence), style="yellow"))
    console.print(Text(_line(view.summary)))


def _cell(cell: Cell) -> Text:
    value = _line(cell.text) + (f" [{cell.note}]" if cell.note else "")
    return Text(f"{value}\n{cell.bounds}" if cell.bounds else value)


def _line(text: str) -> str:
    """Return text with control characters, which a terminal would act on, as spaces."""
    return "".join(character if character.isprintable() else " " for character in text)

"""A session as text, the same for HTML, Markdown and the terminal, which escape it in different ways."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from string import ascii_lowercase
from typing import Any

from bench.record import Machine, Record
from bench.report.columns import COLUMNS, DASH, DETAILS, RESULTS, Column, columns_of
from bench.report.details import Details, details_of
from bench.report.format import mebibytes
from bench.report.notes import notes_of
from bench.report.read import Session
from bench.report.row import Missing, Row, rows_of
from bench.report.summary import fastest, summarize, tolerance_of
from infer import tasks
from infer.metrics.metric import Interval, Metric

NOT_REPORTED = "not reported by this system"


@dataclass(frozen=True, kw_only=True, slots=True)
class Cell:
    """One value as printed.

    Attributes:
        text: the value alone.
        bounds: bounds of the 95 % interval in parentheses, or empty.
        note: letter of the footnote, or empty; a digit after a dash would look like a power.
    """

    text: str
    bounds: str = ""
    note: str = ""

    @property
    def line(self) -> str:
        """Value and bounds on one line."""
        return f"{self.text} {self.bounds}".rstrip()


@dataclass(frozen=True, kw_only=True, slots=True)
class Grid:
    """A table as printed.

    Attributes:
        columns: headings, units and alignment.
        lines: cells, in the order of the columns.
        best: index of the line to highlight, if any.
        notes: letters and texts of the footnotes.
    """

    columns: tuple[Column, ...]
    lines: tuple[tuple[Cell, ...], ...]
    best: int | None
    notes: tuple[tuple[str, str], ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class View:
    """Everything in the report about one session.

    Attributes:
        metric: the main metric, which the picture and the summary are about.
        notes: what to know before trusting the models' quality, one sentence each.
    """

    title: str
    metric: Metric
    summary: str
    notes: tuple[str, ...]
    session: Session
    rows: tuple[Row, ...]
    results: Grid
    details: Grid
    facts: tuple[tuple[str, str], ...]


def view_of(session: Session) -> View:
    """Return the view of a session."""
    rows, metric = rows_of(session), session.metric
    winner = fastest(rows, tolerance_of(session.target, metric)[0])
    best = None if winner is None else rows.index(winner)
    details = [details_of(row, record) for row, record in zip(rows, session.records, strict=True)]
    return View(
        title=f"{', '.join(_distinct(session.records, 'name'))} on {session.target}",
        metric=metric,
        summary=summarize(rows, session.target),
        notes=notes_of(session, rows),
        session=session,
        rows=rows,
        results=grid_of(rows, columns_of(RESULTS, metric, list(_others(rows))), best),
        details=grid_of(details, {name: COLUMNS[name] for name in DETAILS}, best),
        facts=_facts(session),
    )


def legend_of(views: Sequence[View]) -> tuple[Column, ...]:
    """Return the columns of all tables of these sessions, each once."""
    grids = [*(view.results for view in views), *(view.details for view in views)]
    return tuple(dict.fromkeys(column for grid in grids for column in grid.columns))


def grid_of(rows: Sequence[Row] | Sequence[Details], columns: Mapping[str, Column], best: int | None = None) -> Grid:
    """Format some properties of each row; a missing value becomes a dash with a footnote.

    Args:
        rows: rows of one type.
        columns: columns by property name; `quality.` and a metric's name is an entry of a row's `quality`.
        best: index of the row to highlight.
    """
    notes: dict[str, str] = {}
    lines = tuple(tuple(_cell(_value(row, name), column, notes) for name, column in columns.items()) for row in rows)
    return Grid(
        columns=tuple(columns.values()),
        lines=lines,
        best=best,
        notes=tuple((letter, reason) for reason, letter in notes.items()),
    )


def _others(rows: Sequence[Row]) -> Iterator[Metric]:
    """Yield the metrics, except the main metric, that at least one row has."""
    for metric in tasks.get(rows[0].task).METRICS:
        has_value = any(isinstance(row.quality[metric.name], Interval) for row in rows)
        if has_value and metric.name != rows[0].metric:
            yield metric


def _value(row: Row | Details, name: str) -> Any:
    part, _, metric = name.partition(".")
    value = getattr(row, part)
    return value[metric] if metric else value


def _cell(value: Any, column: Column, notes: dict[str, str]) -> Cell:
    if isinstance(value, Missing):
        return Cell(text=DASH, note=notes.setdefault(value.reason, _letter(len(notes))))
    text = column.text
    if isinstance(value, Interval):
        return Cell(text=text(value.value), bounds=f"({text(value.low)} to {text(value.high)})")
    return Cell(text=text(value))


def _letter(index: int) -> str:
    rounds, letter = divmod(index, len(ascii_lowercase))
    return ascii_lowercase[letter] * (rounds + 1)


def _facts(session: Session) -> tuple[tuple[str, str], ...]:
    return (
        ("Session", session.name),
        ("Measured", _span(session.records)),
        ("Command", "; ".join(_distinct(session.records, "command"))),
        ("Task", session.records[0].task.kind),
        ("Labels", ", ".join(session.records[0].task.names) or "none: the task is to give a score"),
        ("Evaluation", _evaluation(session.records)),
        ("Memory from", ", ".join(dict.fromkeys(record.memory.source for record in session.records))),
        *_machine(session.machine),
    )


def _machine(machine: Machine) -> tuple[tuple[str, str], ...]:
    return (
        ("Machine", machine.label),
        ("Instructions", ", ".join(machine.isa_features) or NOT_REPORTED),
        ("Main memory", f"{mebibytes(machine.memory_bytes)} MiB in pages of {machine.page_bytes} bytes"),
        ("Governor", machine.governor or NOT_REPORTED),
        ("System", f"{machine.system}, kernel {machine.kernel}"),
        ("Python", machine.python),
    )


def _distinct(records: Sequence[Record], name: str) -> list[str]:
    return list(dict.fromkeys(str(getattr(record, name)) for record in records))


def _span(records: Sequence[Record]) -> str:
    first, last = (pick(record.measured_at for record in records) for pick in (min, max))
    return first if first == last else f"{first} to {last}"


def _evaluation(records: Sequence[Record]) -> str:
    totals = sorted({record.examples for record in records if record.examples is not None})
    return f"{' or '.join(map(str, totals))} sentences" if totals else "not judged"

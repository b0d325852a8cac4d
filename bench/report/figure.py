"""The two pictures of a session, as SVG for the page and as files of their own."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from bench.record import Record
from bench.report import distribution, pareto, svg
from bench.report.style import styled
from bench.report.table import Row
from bench.report.unit import QUALITY
from contract.errors import needs_extra

WIDTH_INCHES = 8.6
PARETO_HEIGHT_INCHES = 5.0
STRIP_HEIGHT_INCHES = 0.62
AXIS_HEIGHT_INCHES = 0.75


def pareto_svg(rows: Sequence[Row], name: str) -> str:
    """Return the accuracy-latency picture as an `<svg>` element, or nothing if no row has both numbers.

    Args:
        rows: of one session.
        name: begins the identifiers inside the picture, unlike any other picture's of the page.
    """
    if not pareto.points_of(rows):
        return ""
    return _inline(name, f"{QUALITY[rows[0].task]} against median latency of each model", *_pareto(rows))


def latency_svg(rows: Sequence[Row], records: Sequence[Record], name: str) -> str:
    """Return the latency distributions as an `<svg>` element, or nothing if no row may show its speed.

    Args:
        rows: of one session.
        records: of the same session, in the same order.
        name: begins the identifiers inside the picture, unlike any other picture's of the page.
    """
    strips = distribution.strips_of(rows, records)
    if not strips:
        return ""
    height = AXIS_HEIGHT_INCHES + STRIP_HEIGHT_INCHES * len(strips)
    description = "Distribution of the latency samples of each model"
    return _inline(name, description, height, lambda figure: distribution.draw(figure, rows, records))


def write_pareto(rows: Sequence[Row], path: Path) -> bool:
    """Write the accuracy-latency picture as .svg or .png on white paper; tell whether there was one to write.

    Raises:
        InputError: the file name ends in neither.
    """
    if not pareto.points_of(rows):
        return False
    height, draw = _pareto(rows)
    with styled(path.stem):
        svg.write_picture(_drawn(height, draw), path)
    return True


def _pareto(rows: Sequence[Row]) -> tuple[float, Callable[[Any], None]]:
    return PARETO_HEIGHT_INCHES, lambda figure: pareto.draw(figure, rows)


def _inline(name: str, description: str, height: float, draw: Callable[[Any], None]) -> str:
    with styled(name):
        return svg.inline(_drawn(height, draw), name, description)


def _drawn(height: float, draw: Callable[[Any], None]) -> Any:
    with needs_extra("report"):
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    figure = Figure(figsize=(WIDTH_INCHES, height), layout="constrained")
    FigureCanvasAgg(figure)
    with svg.missing_glyphs_allowed():
        draw(figure)
    return figure

"""The accuracy-latency picture: who is fastest at each accuracy, or correlation."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bench.report.number import NS_PER_MS
from bench.report.place import Box, Label, place
from bench.report.score import Interval
from bench.report.style import INK, QUIET, hues_of, marker_of
from bench.report.table import REGRESSION, Absent, Row
from bench.report.unit import COLUMNS, QUALITY

SMALLEST_MARK_POINTS2 = 40.0
LARGEST_MARK_POINTS2 = 330.0
POINTS_PER_INCH = 72.0
# From a mark's centre to the corner of the widest, the diamond, by the root of its area.
MARK_REACH = 0.71
TICKS = (1.0, 1.5, 2.0, 3.0, 5.0, 7.0)


@dataclass(frozen=True, kw_only=True, slots=True)
class Point:
    """One model in the picture.

    Attributes:
        quality: accuracy in percent, or Pearson's correlation.
        mark_points2: the area of its mark.
    """

    row: Row
    latency_ms: float
    quality: Interval
    mark_points2: float


def points_of(rows: Sequence[Row]) -> list[Point]:
    """Return the rows whose speed and quality are both known; the area of a mark grows with the model's size.

    One axis has one measure: of a session with several kinds of task, the first row's kind is taken.
    """
    largest = max((row.size_bytes for row in rows), default=1) or 1
    return [
        Point(
            row=row,
            latency_ms=row.latency_p50_ns / NS_PER_MS,
            quality=_on_axis(row, row.quality),
            mark_points2=SMALLEST_MARK_POINTS2
            + (LARGEST_MARK_POINTS2 - SMALLEST_MARK_POINTS2) * row.size_bytes / largest,
        )
        for row in rows
        if not isinstance(row.latency_p50_ns, Absent)
        and not isinstance(row.quality, Absent)
        and row.task == rows[0].task
    ]


def _on_axis(row: Row, quality: Interval) -> Interval:
    scale = 1 if row.task == REGRESSION else 100
    return Interval(value=scale * quality.value, low=scale * quality.low, high=scale * quality.high)


def front(points: Sequence[Point]) -> list[Point]:
    """Return the points that no other beats in both latency and accuracy, fastest first."""
    best: list[Point] = []
    for point in sorted(points, key=lambda one: (one.latency_ms, -one.quality.value)):
        if not best or point.quality.value > best[-1].quality.value:
            best.append(point)
    return best


def draw(figure: Any, rows: Sequence[Row]) -> None:
    """Draw the picture of one session's rows on an empty matplotlib figure."""
    points = points_of(rows)
    axes = figure.add_subplot()
    hues = hues_of([_runtime(point) for point in points])
    for point in points:
        _draw_point(axes, point, hues[_runtime(point)])
    _draw_front(axes, front(points))
    _scale(axes, points)
    _draw_labels(figure, axes, points)


def plain_log_axis(axis: Any) -> None:
    """Label a logarithmic axis with plain numbers."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    axis.set_major_locator(LogLocator(subs=TICKS, numticks=12))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_formatter(NullFormatter())


def _runtime(point: Point) -> str:
    return point.row.runtime.split()[0]


def _draw_point(axes: Any, point: Point, hue: str) -> None:
    low, value, high = point.quality.low, point.quality.value, point.quality.high
    axes.plot([point.latency_ms] * 2, [low, high], color=hue, alpha=QUIET, linewidth=1.4, solid_capstyle="butt")
    marker = marker_of(point.row.kind, point.row.precision)
    axes.scatter(
        [point.latency_ms], [value], s=point.mark_points2, color=hue, marker=marker, linewidths=0, alpha=0.9, zorder=3
    )


def _draw_front(axes: Any, best: Sequence[Point]) -> None:
    xs = [point.latency_ms for point in best]
    ys = [point.quality.value for point in best]
    axes.plot(xs, ys, drawstyle="steps-post", color=INK, alpha=QUIET, linewidth=1.2, linestyle=(0, (5, 3)), zorder=2)


def _scale(axes: Any, points: Sequence[Point]) -> None:
    axes.set_xscale("log")
    fastest, slowest = (pick(point.latency_ms for point in points) for pick in (min, max))
    margin = max((slowest / fastest) ** 0.18, 1.15)
    axes.set_xlim(fastest / margin, slowest * margin)
    plain_log_axis(axes.xaxis)
    axes.grid(visible=True)
    axes.set_xlabel(f"{COLUMNS['latency_p50_ns'].heading}, logarithmic; further left is faster")
    heading = QUALITY[points[0].row.task] + ("" if points[0].row.task == REGRESSION else " (%)")
    axes.set_ylabel(f"{heading} with 95 % interval")


def _draw_labels(figure: Any, axes: Any, points: Sequence[Point]) -> None:
    figure.draw_without_rendering()
    texts = [
        axes.annotate(point.row.model, (point.latency_ms, point.quality.value), ha="center", va="center", fontsize=9)
        for point in points
    ]
    labels = [_measure(axes, point, text) for point, text in zip(points, texts, strict=True)]
    frame = axes.get_window_extent()
    inside = Box(left=frame.x0, bottom=frame.y0, right=frame.x1, top=frame.y1)
    scale = POINTS_PER_INCH / figure.dpi
    for text, label, box in zip(texts, labels, place(labels, inside, _obstacles(axes, points)), strict=True):
        text.set_in_layout(False)
        x, y = box.centre
        if box.distance(label.x, label.y) > label.gap + POINTS_PER_INCH / 8:
            _draw_leader(axes, label, box)
        text.xyann = ((x - label.x) * scale, (y - label.y) * scale)
        text.anncoords = "offset points"


def _draw_leader(axes: Any, label: Label, box: Box) -> None:
    """Join a label that is not beside its point to it."""
    near = (min(max(label.x, box.left), box.right), min(max(label.y, box.bottom), box.top))
    ends = axes.transData.inverted().transform([(label.x, label.y), near])
    axes.plot(*ends.T, color=INK, alpha=QUIET, linewidth=0.7, scalex=False, scaley=False)


def _measure(axes: Any, point: Point, text: Any) -> Label:
    x, y = axes.transData.transform((point.latency_ms, point.quality.value))
    extent = text.get_window_extent()
    gap = MARK_REACH * point.mark_points2**0.5 * axes.figure.dpi / POINTS_PER_INCH
    return Label(x=x, y=y, gap=gap, width=extent.width, height=extent.height)


def _obstacles(axes: Any, points: Sequence[Point]) -> list[Box]:
    """Return thin boxes over the error bars and the steps of the front."""
    lines = [((one.latency_ms, one.quality.low), (one.latency_ms, one.quality.high)) for one in points]
    best = front(points)
    for one, next_one in itertools.pairwise(best):
        corner = (next_one.latency_ms, one.quality.value)
        lines += [((one.latency_ms, one.quality.value), corner)]
        lines += [(corner, (next_one.latency_ms, next_one.quality.value))]
    return [_thin_box(axes, *line) for line in lines]


def _thin_box(axes: Any, start: tuple[float, float], end: tuple[float, float]) -> Box:
    (left, bottom), (right, top) = axes.transData.transform([start, end])
    return Box(left=left - 1, bottom=bottom - 1, right=right + 1, top=top + 1)

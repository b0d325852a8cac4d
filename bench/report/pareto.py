"""The accuracy-latency picture: who is fastest at each accuracy, or correlation."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bench.report.figure import INK, QUIET, WIDTH_PIXELS, finish, hues_of
from bench.report.number import BYTES_PER_MIB, NS_PER_MS
from bench.report.score import Interval
from bench.report.table import REGRESSION, Absent, Row
from bench.report.unit import COLUMNS, QUALITY, TERMINAL, fitting
from bench.report.view import grid_of
from contract.errors import needs_extra

if TYPE_CHECKING:
    import altair as alt

HEIGHT_PIXELS = 340
MARK_PIXELS2 = (50, 450)
SHAPES = {"fp32": "circle", "int8": "diamond"}
OTHER_SHAPE = "square"
# A star of five points; Vega has none of its own.
TEACHER_SHAPE = "M0,-.6L.15,-.19L.57,-.19L.24,.07L.35,.49L0,.24L-.35,.49L-.24,.07L-.57,-.19L-.15,-.19Z"


@dataclass(frozen=True, kw_only=True, slots=True)
class Point:
    """One model in the picture.

    Attributes:
        quality: accuracy in percent, or Pearson's correlation.
    """

    row: Row
    latency_ms: float
    quality: Interval


def points_of(rows: Sequence[Row]) -> list[Point]:
    """Return the rows whose speed and quality are both known, fastest first.

    One axis has one measure: of a session with several kinds of task, the first row's kind is taken.
    """
    points = [
        Point(row=row, latency_ms=row.latency_p50_ns / NS_PER_MS, quality=_on_axis(row, row.quality))
        for row in rows
        if not isinstance(row.latency_p50_ns, Absent)
        and not isinstance(row.quality, Absent)
        and row.task == rows[0].task
    ]
    return sorted(points, key=lambda point: (point.latency_ms, -point.quality.value))


def _on_axis(row: Row, quality: Interval) -> Interval:
    scale = 1 if row.task == REGRESSION else 100
    return Interval(value=scale * quality.value, low=scale * quality.low, high=scale * quality.high)


def front(points: Sequence[Point]) -> list[Point]:
    """Return the points that no other beats in both latency and accuracy.

    Args:
        points: fastest first.
    """
    best: list[Point] = []
    for point in points:
        if not best or point.quality.value > best[-1].quality.value:
            best.append(point)
    return best


def chart(rows: Sequence[Row]) -> "alt.TopLevelMixin | None":
    """Return the picture of one session's rows, or none if no row has both numbers."""
    points = points_of(rows)
    if not points:
        return None
    with needs_extra("report"):
        import altair as alt
    quality, unit = QUALITY[rows[0].task], "" if rows[0].task == REGRESSION else " (%)"
    names = [point.row.model for point in points]
    hues = hues_of([_runtime(row) for row in rows])
    # One legend has both, as both say which model it is.
    color = alt.Color("model:N", title="Fastest first").scale(
        domain=names, range=[hues[_runtime(point.row)] for point in points]
    )
    shape = alt.Shape("model:N", title="Fastest first").scale(
        domain=names, range=[_shape(point.row) for point in points]
    )
    base = alt.Chart(alt.Data(values=list(_values(points)))).encode(
        x=alt.X("ms:Q", title=f"{COLUMNS['latency_p50_ns'].heading}, logarithmic; further left is faster")
        .scale(type="log", nice=False, padding=30)
        .axis(format="~g"),
        y=alt.Y("quality:Q", title=f"{quality}{unit} with 95 % interval").scale(zero=False),
    )
    intervals = base.mark_rule(aria=False, strokeOpacity=QUIET).encode(color, y="low:Q", y2="high:Q")
    steps = base.mark_line(aria=False, color=INK, interpolate="step-after", opacity=QUIET, strokeDash=[5, 3])
    marks = base.mark_point(filled=True, opacity=1).encode(
        color,
        shape,
        alt.Size("mib:Q", legend=None).scale(domainMin=0, range=MARK_PIXELS2),
        alt.Opacity("validity:O", title="Measurement").scale(domain=["valid", "degraded"], range=[1, QUIET]),
        description="words:N",
        tooltip=[alt.Tooltip(f"{name}:N", title=COLUMNS[name].heading) for name in _told(points)],
    )
    layers = alt.layer(intervals, steps.transform_filter("datum.front"), marks)
    sized = layers.properties(width=WIDTH_PIXELS, height=HEIGHT_PIXELS)
    return finish(sized, f"{quality} against median latency of each model")


def _values(points: Sequence[Point]) -> Iterator[dict[str, Any]]:
    """Yield what is drawn of each point, and the words a reader gets who points at it."""
    best, names = front(points), _told(points)
    lines = grid_of([point.row for point in points], names).lines
    for point, cells in zip(points, lines, strict=True):
        told = {name: cell.line for name, cell in zip(names, cells, strict=True)}
        yield {
            "ms": point.latency_ms,
            "quality": point.quality.value,
            "low": point.quality.low,
            "high": point.quality.high,
            "mib": point.row.size_bytes / BYTES_PER_MIB,
            "validity": point.row.validity,
            "front": point in best,
            "words": "; ".join(f"{COLUMNS[name].heading}: {text}" for name, text in told.items()),
        } | told


def _told(points: Sequence[Point]) -> tuple[str, ...]:
    return fitting((*TERMINAL, "verdict"), {point.row.task for point in points})


def _runtime(row: Row) -> str:
    return row.runtime.split()[0]


def _shape(row: Row) -> str:
    return TEACHER_SHAPE if row.kind == "teacher" else SHAPES.get(row.precision, OTHER_SHAPE)

"""The picture of quality against latency: the fastest model at each value of the main metric."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bench.report.columns import COLUMNS, TERMINAL, Column, columns_of
from bench.report.figure import INK, QUIET, WIDTH_PIXELS, hues_of, themed
from bench.report.format import BYTES_PER_MIB, NS_PER_MS
from bench.report.row import Missing, Row
from bench.report.view import grid_of
from contract.errors import needs_extra
from infer.metrics.format import metric_scale
from infer.metrics.metric import Interval, Metric

if TYPE_CHECKING:
    import altair as alt

HEIGHT_PIXELS = 340
MARK_PIXELS2 = (50, 450)
SHAPES = {"fp32": "circle", "int8": "diamond"}
OTHER_SHAPE = "square"
# A five-pointed star, which Vega lacks.
TEACHER_SHAPE = "M0,-.6L.15,-.19L.57,-.19L.24,.07L.35,.49L0,.24L-.35,.49L-.24,.07L-.57,-.19L-.15,-.19Z"


@dataclass(frozen=True, kw_only=True, slots=True)
class Point:
    """One model in the picture.

    Attributes:
        quality: value of the main metric as printed, so in percent for shares.
    """

    row: Row
    latency_ms: float
    quality: Interval

    @property
    def goodness(self) -> float:
        """The quality, with its sign changed where lower is better."""
        return self.quality.value if self.row.main_metric.higher_is_better else -self.quality.value


def points_of(rows: Sequence[Row]) -> list[Point]:
    """Return the rows whose speed and quality are both known, fastest first."""
    points = [
        Point(row=row, latency_ms=row.latency_p50_ns / NS_PER_MS, quality=_on_axis(row.main_metric, row.main_quality))
        for row in rows
        if not isinstance(row.latency_p50_ns, Missing) and not isinstance(row.main_quality, Missing)
    ]
    return sorted(points, key=lambda point: (point.latency_ms, -point.goodness))


def _on_axis(metric: Metric, quality: Interval) -> Interval:
    scale = metric_scale(metric)
    return Interval(value=scale * quality.value, low=scale * quality.low, high=scale * quality.high)


def front(points: Sequence[Point]) -> list[Point]:
    """Return the points that no other point beats in both latency and quality.

    Args:
        points: points, fastest first.
    """
    best: list[Point] = []
    for point in points:
        if not best or point.goodness > best[-1].goodness:
            best.append(point)
    return best


def chart(rows: Sequence[Row]) -> "alt.TopLevelMixin | None":
    """Return the picture of one session's rows, or None if no row has both numbers."""
    points = points_of(rows)
    if not points:
        return None
    with needs_extra("report"):
        import altair as alt
    metric = rows[0].main_metric
    unit = f" ({metric.unit})" if metric.unit else ""
    names = [point.row.model for point in points]
    hues = hues_of([_runtime(row) for row in rows])
    # Same title and domain, so that Vega draws one legend.
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
        y=alt.Y("quality:Q", title=f"{metric.heading}{unit} with 95 % interval").scale(
            zero=False, reverse=not metric.higher_is_better
        ),
    )
    intervals = base.mark_rule(aria=False, strokeOpacity=QUIET).encode(color, y="low:Q", y2="high:Q")
    steps = base.mark_line(aria=False, color=INK, interpolate="step-after", opacity=QUIET, strokeDash=[5, 3])
    marks = base.mark_point(filled=True, opacity=1).encode(
        color,
        shape,
        alt.Size("mib:Q", legend=None).scale(domainMin=0, range=MARK_PIXELS2),
        alt.Opacity("validity:O", title="Measurement").scale(domain=["valid", "degraded"], range=[1, QUIET]),
        description="words:N",
        tooltip=[alt.Tooltip(f"{_field(name)}:N", title=column.heading) for name, column in _tooltip(points).items()],
    )
    layers = alt.layer(intervals, steps.transform_filter("datum.front"), marks)
    sized = layers.properties(width=WIDTH_PIXELS, height=HEIGHT_PIXELS)
    return themed(sized, f"{metric.heading} against median latency of each model")


def _values(points: Sequence[Point]) -> Iterator[dict[str, Any]]:
    """Yield the data of each point, and its tooltip and description."""
    best, columns = front(points), _tooltip(points)
    lines = grid_of([point.row for point in points], columns).lines
    for point, cells in zip(points, lines, strict=True):
        tooltip = {_field(name): cell.line for name, cell in zip(columns, cells, strict=True)}
        words = (f"{column.heading}: {text}" for column, text in zip(columns.values(), tooltip.values(), strict=True))
        yield {
            "ms": point.latency_ms,
            "quality": point.quality.value,
            "low": point.quality.low,
            "high": point.quality.high,
            "mib": point.row.size_bytes / BYTES_PER_MIB,
            "validity": point.row.validity,
            "front": point in best,
            "words": "; ".join(words),
        } | tooltip


def _tooltip(points: Sequence[Point]) -> dict[str, Column]:
    return columns_of((*TERMINAL, "verdict"), points[0].row.main_metric)


def _field(name: str) -> str:
    """Return a property's name for Vega, where a dot would mean a nested value."""
    return name.replace(".", "_")


def _runtime(row: Row) -> str:
    return row.runtime.split()[0]


def _shape(row: Row) -> str:
    return TEACHER_SHAPE if row.kind == "teacher" else SHAPES.get(row.precision, OTHER_SHAPE)

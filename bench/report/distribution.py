"""The latency picture: the density, all samples, and the percentiles 50 and 90 of each model."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from bench.record import Record
from bench.report.figure import INK, QUIET, WIDTH_PIXELS, hues_of, themed
from bench.report.format import NS_PER_MS, milliseconds
from bench.report.row import Missing, Row
from contract.errors import needs_extra

if TYPE_CHECKING:
    import altair as alt

TITLE = "Latency of one sentence (ms), logarithmic; each tick below a curve is one sample"
STRIP_PIXELS = 62
RUG_PIXELS = 14


def strips_of(rows: Sequence[Row], records: Sequence[Record]) -> list[tuple[Row, Record]]:
    """Return the models whose times may be shown."""
    pairs = zip(rows, records, strict=True)
    return [(row, record) for row, record in pairs if not isinstance(row.latency_p50_ns, Missing)]


def chart(rows: Sequence[Row], records: Sequence[Record]) -> "alt.TopLevelMixin | None":
    """Return one strip for each model of one session, or None if no row may show its speed.

    Args:
        rows: rows of one session.
        records: records of the same session, in the same order.
    """
    strips = strips_of(rows, records)
    if not strips:
        return None
    with needs_extra("report"):
        import altair as alt
    hues = hues_of([record.runtime for record in records])
    values = [_value(row, record) | {"hue": hues[record.runtime]} for row, record in strips]
    model = alt.Row("model:N", title=None, sort=[row.model for row, _ in strips])
    facets = (
        _strip()
        .facet(
            row=model.header(labelAlign="left", labelAngle=0, labelLimit=0),
            data=alt.Data(values=values),
            bounds="flush",
            spacing=0,
        )
        .transform_flatten(["samples_ms"])
        .resolve_scale(y="independent")
    )
    return themed(facets, "Distribution of the latency samples of each model")


def _value(row: Row, record: Record) -> dict[str, Any]:
    percentiles = {"p50": row.latency_p50_ns, "p90": row.latency_p90_ns}
    shown = {name: value for name, value in percentiles.items() if not isinstance(value, Missing)}
    return {
        "model": row.model,
        "samples_ms": [ns / NS_PER_MS for ns in record.infer_ns],
        "numbers": "\n".join(f"{name} {milliseconds(value)}" for name, value in shown.items()),
    } | {name: value / NS_PER_MS for name, value in shown.items()}


def _strip() -> "alt.LayerChart":
    """Return the layers of each model; the density is that of logarithms, as the axis is logarithmic."""
    import altair as alt

    def at(field: str) -> alt.X:
        return alt.X(field, title=TITLE).scale(type="log", nice=False, padding=8).axis(format="~g")

    hue = alt.Color("hue:N", scale=None)
    top, baseline, bottom = map(alt.value, (0, STRIP_PIXELS - RUG_PIXELS, STRIP_PIXELS - 2))
    curve = (
        alt.Chart()
        .transform_calculate(log_ms="log(datum.samples_ms)")
        .transform_density("log_ms", as_=["log_ms", "density"], groupby=["hue"])
        .transform_calculate(ms="exp(datum.log_ms)")
        .mark_area(aria=False, opacity=QUIET)
        .encode(hue, at("ms:Q"), alt.Y("density:Q", axis=None).scale(nice=False, padding=RUG_PIXELS))
    )
    samples = (
        alt.Chart()
        .mark_rule(aria=False, opacity=QUIET, strokeWidth=0.6)
        .encode(hue, at("samples_ms:Q"), y=baseline, y2=bottom)
    )
    p50, p90 = (
        alt.Chart()
        .transform_aggregate(groupby=["model", name])
        .mark_rule(color=INK, strokeDash=dash, strokeWidth=1.2)
        .encode(
            at(f"{name}:Q"),
            y=top,
            y2=bottom,
            tooltip=["model:N", alt.Tooltip(f"{name}:Q", title=f"{name} (ms)", format=".3")],
        )
        for name, dash in (("p50", [1, 0]), ("p90", [3, 2]))
    )
    numbers = (
        alt.Chart()
        .transform_aggregate(groupby=["numbers"])
        .mark_text(align="left", baseline="middle", color=INK, lineBreak="\n")
        .encode(x=alt.value(WIDTH_PIXELS + 8), y=alt.value(STRIP_PIXELS / 2), text="numbers:N")
    )
    return alt.LayerChart(layer=[curve, samples, p50, p90, numbers], width=WIDTH_PIXELS, height=STRIP_PIXELS)

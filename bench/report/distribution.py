"""The latency picture: for each model its density, every sample, and the percentiles 50 and 90."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.record import Record
from bench.report.number import NS_PER_MS, milliseconds
from bench.report.pareto import plain_log_axis
from bench.report.style import INK, hues_of
from bench.report.table import Absent, Row
from contract.errors import needs_extra

HEIGHT = 0.62
RUG = 0.2
DENSITY_POINTS = 160


def strips_of(rows: Sequence[Row], records: Sequence[Record]) -> list[tuple[Row, Record]]:
    """Return the models whose times may be shown."""
    pairs = zip(rows, records, strict=True)
    return [(row, record) for row, record in pairs if not isinstance(row.latency_p50_ns, Absent)]


def draw(figure: Any, rows: Sequence[Row], records: Sequence[Record]) -> None:
    """Draw one strip for each model of one session on an empty matplotlib figure."""
    strips = strips_of(rows, records)
    axes = figure.add_subplot()
    axes.set_xscale("log")
    hues = hues_of([record.runtime for _, record in strips])
    for place, (row, record) in enumerate(reversed(strips)):
        samples_ms_N = np.asarray(record.infer_ns) / NS_PER_MS
        _draw_density(axes, samples_ms_N, place, hues[record.runtime])
        _draw_samples(axes, samples_ms_N, place, hues[record.runtime])
        _draw_percentile(axes, row.latency_p50_ns, place, "-")
        _draw_percentile(axes, row.latency_p90_ns, place, (0, (2, 1.5)))
        _draw_numbers(axes, row, place)
    axes.set_yticks(range(len(strips)), [row.model for row, _ in reversed(strips)])
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.set_ylim(-0.45, len(strips) - 1 + HEIGHT + 0.3)
    plain_log_axis(axes.xaxis)
    axes.grid(visible=True, axis="x")
    axes.set_xlabel("Latency of one sentence (ms), logarithmic; a tick below each curve is one sample")


def _draw_density(axes: Any, samples_ms_N: NDArray[np.float64], place: int, hue: str) -> None:
    with needs_extra("report"):
        from scipy.stats import gaussian_kde
    logs_N = np.log(samples_ms_N)
    if np.ptp(logs_N) == 0:
        return
    margin = np.ptp(logs_N) * 0.06
    grid = np.linspace(logs_N.min() - margin, logs_N.max() + margin, DENSITY_POINTS)
    density = gaussian_kde(logs_N)(grid)
    axes.fill_between(np.exp(grid), place, place + HEIGHT * density / density.max(), color=hue, alpha=0.45, linewidth=0)


def _draw_samples(axes: Any, samples_ms_N: NDArray[np.float64], place: int, hue: str) -> None:
    """Draw one path for all samples: a mark each would make the page many times as large."""
    xs = np.repeat(np.sort(samples_ms_N), 3)
    ys = np.tile([place - 0.06, place - 0.06 - RUG, np.nan], len(samples_ms_N))
    axes.plot(xs, ys, color=hue, alpha=0.55, linewidth=0.6)


def _draw_percentile(axes: Any, value_ns: float | Absent, place: int, linestyle: Any) -> None:
    if not isinstance(value_ns, Absent):
        ends = [place - 0.06 - RUG, place + HEIGHT]
        axes.plot([value_ns / NS_PER_MS] * 2, ends, color=INK, linewidth=1.1, linestyle=linestyle)


def _draw_numbers(axes: Any, row: Row, place: int) -> None:
    values = {"p50": row.latency_p50_ns, "p90": row.latency_p90_ns}
    lines = [f"{name} {milliseconds(value)}" for name, value in values.items() if not isinstance(value, Absent)]
    text = "\n".join(lines)
    axes.annotate(text, (1.01, place + 0.15), xycoords=("axes fraction", "data"), va="center", fontsize=8.5)

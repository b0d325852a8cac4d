"""The theme of all pictures, and a picture as an SVG file. The same rows give the same bytes."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from contract.errors import needs_extra
from contract.files import write_atomic

if TYPE_CHECKING:
    import altair as alt

# The colour of the surrounding text in a page, light or dark; black in an SVG file.
INK = "currentColor"
QUIET = 0.55
PAPER = "white"
WIDTH_PIXELS = 620
# After Okabe and Ito (2008), with blue and purple lightened for dark backgrounds.
HUES = ("#2a87c8", "#d55e00", "#009e73", "#b565a7", "#b8860b", "#7a7a7a")


def hues_of(runtimes: Sequence[str]) -> dict[str, str]:
    """Return the colour of each runtime; PyTorch, the reference, is always grey."""
    others = sorted(set(runtimes) - {"pytorch"})
    return {"pytorch": HUES[-1]} | {runtime: HUES[index % (len(HUES) - 1)] for index, runtime in enumerate(others)}


def themed(chart: "alt.TopLevelMixin", description: str) -> "alt.TopLevelMixin":
    """Return a chart with the common theme.

    Args:
        chart: a top-level chart.
        description: text for readers who cannot see the chart.
    """
    with needs_extra("report"):
        import altair as alt
    result: alt.TopLevelMixin = chart.properties(
        background="transparent", description=description, padding=4
    ).configure(
        axis=alt.AxisConfig(
            domainColor=INK, gridColor=INK, gridOpacity=0.13, labelColor=INK, tickColor=INK, titleColor=INK
        ),
        header=alt.HeaderConfig(labelColor=INK),
        # Long names are never cut off.
        legend=alt.LegendConfig(labelColor=INK, labelLimit=0, symbolBaseFillColor=INK, titleColor=INK),
        view=alt.ViewConfig(stroke=None),
    )
    return result


def write_svg(chart: "alt.TopLevelMixin", path: Path) -> None:
    """Write a chart as SVG, on white because no page sets its text colour."""
    with needs_extra("report"):
        import vl_convert
    write_atomic(path, vl_convert.vegalite_to_svg(chart.to_dict() | {"background": PAPER}))

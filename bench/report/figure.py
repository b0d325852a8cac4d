"""The look that all pictures share, and a picture as an SVG file. The same rows give the same bytes."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from contract.errors import needs_extra
from contract.files import write_atomic

if TYPE_CHECKING:
    import altair as alt

# The colour of the text around it in a page, light or dark; black in a file of its own.
INK = "currentColor"
QUIET = 0.55
PAPER = "white"
WIDTH_PIXELS = 620
# After Okabe and Ito (2008), with the blue and the purple lightened for dark paper.
HUES = ("#2a87c8", "#d55e00", "#009e73", "#b565a7", "#b8860b", "#7a7a7a")


def hues_of(runtimes: Sequence[str]) -> dict[str, str]:
    """Give each runtime its colour; PyTorch, the reference, is always grey."""
    others = sorted(set(runtimes) - {"pytorch"})
    return {"pytorch": HUES[-1]} | {runtime: HUES[place % (len(HUES) - 1)] for place, runtime in enumerate(others)}


def finish(chart: "alt.TopLevelMixin", description: str) -> "alt.TopLevelMixin":
    """Give a chart the common look.

    Args:
        chart: a chart that stands in no other one.
        description: what it shows, for readers who do not see it.
    """
    with needs_extra("report"):
        import altair as alt
    finished: alt.TopLevelMixin = chart.properties(
        background="transparent", description=description, padding=4
    ).configure(
        axis=alt.AxisConfig(
            domainColor=INK, gridColor=INK, gridOpacity=0.13, labelColor=INK, tickColor=INK, titleColor=INK
        ),
        header=alt.HeaderConfig(labelColor=INK),
        # A name is never cut off, however long it is.
        legend=alt.LegendConfig(labelColor=INK, labelLimit=0, symbolBaseFillColor=INK, titleColor=INK),
        view=alt.ViewConfig(stroke=None),
    )
    return finished


def write_svg(chart: "alt.TopLevelMixin", path: Path) -> None:
    """Write a chart on white paper, for where no page gives it its ink."""
    with needs_extra("report"):
        import vl_convert
    write_atomic(path, vl_convert.vegalite_to_svg(chart.to_dict() | {"background": PAPER}))

"""The look of the pictures: colours that colour-blind readers tell apart, on light and on dark paper."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from contract.errors import needs_extra

# A stand-in that no palette has; in a page it becomes the colour of the text around it.
INK = "#010203"
QUIET = 0.55
# After Okabe and Ito (2008), with the blue and the purple lightened for dark paper.
HUES = ("#2a87c8", "#d55e00", "#009e73", "#b565a7", "#b8860b", "#7a7a7a")
MARKERS = {"fp32": "o", "int8": "D"}
OTHER_MARKER = "s"
TEACHER_MARKER = "*"


def hues_of(runtimes: Sequence[str]) -> dict[str, str]:
    """Give each runtime its colour; PyTorch, the reference, is always grey."""
    others = sorted(set(runtimes) - {"pytorch"})
    return {"pytorch": HUES[-1]} | {runtime: HUES[place % (len(HUES) - 1)] for place, runtime in enumerate(others)}


def marker_of(kind: str, precision: str) -> str:
    """Return the shape of a model's mark: a star for the teacher, else by precision."""
    return TEACHER_MARKER if kind == "teacher" else MARKERS.get(precision, OTHER_MARKER)


@contextmanager
def styled(salt: str) -> Iterator[None]:
    """Draw inside the block with this project's settings and nobody else's.

    Args:
        salt: what the identifiers inside an SVG are derived from, so that they are the same each time.
    """
    with needs_extra("report"):
        import matplotlib
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(_settings(salt))
        yield


def _settings(salt: str) -> Any:
    return {
        "svg.hashsalt": salt,
        "svg.fonttype": "none",
        "font.family": ["DejaVu Sans"],
        "font.size": 10,
        "axes.edgecolor": INK,
        "axes.labelcolor": INK,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.facecolor": "none",
        "figure.facecolor": "none",
        "text.color": INK,
        "xtick.color": INK,
        "ytick.color": INK,
        "grid.color": INK,
        "grid.alpha": 0.13,
        "grid.linewidth": 0.8,
        "legend.frameon": False,
        "text.parse_math": False,
    }

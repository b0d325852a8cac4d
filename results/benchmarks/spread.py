"""Numbers of several rounds in one cell of a table."""

import statistics
from collections.abc import Sequence


def spread(values: Sequence[float], digits: int) -> str:
    """Return the median with the lowest and the highest: `1.20 (1.01 to 1.44)`."""
    middle, low, high = (f"{one:.{digits}f}" for one in (statistics.median(values), min(values), max(values)))
    return f"{middle} ({low} to {high})"


def ratios(numerators: Sequence[float], denominators: Sequence[float]) -> list[float]:
    """Divide round by round."""
    return [one / other for one, other in zip(numerators, denominators, strict=True)]

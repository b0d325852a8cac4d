"""Several rounds in one cell of a table."""

import statistics
from collections.abc import Sequence


def spread(values: Sequence[float], digits: int) -> str:
    """Return the median with the lowest and the highest value: `1.20 (1.01 to 1.44)`."""
    middle, low, high = (f"{value:.{digits}f}" for value in (statistics.median(values), min(values), max(values)))
    return f"{middle} ({low} to {high})"


def ratios(numerators: Sequence[float], denominators: Sequence[float]) -> list[float]:
    """Divide round by round."""
    return [numerator / denominator for numerator, denominator in zip(numerators, denominators, strict=True)]

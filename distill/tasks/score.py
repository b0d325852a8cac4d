"""A metric with its interval over the sentences."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

CONFIDENCE = 0.95
RESAMPLES = 300
Samples = Sequence[float] | NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, slots=True)
class Score:
    """One metric with its 95 % interval over the sentences."""

    value: float
    low: float
    high: float


def with_intervals(values: Mapping[str, float], samples: Mapping[str, Samples]) -> dict[str, Score]:
    """Return each metric with the percentile interval of its bootstrap samples."""
    tails = [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2]
    found = {}
    for name, value in values.items():
        low, high = np.quantile(samples[name], tails)
        found[name] = Score(value=value, low=float(low), high=float(high))
    return found


def by_name(samples: Sequence[Mapping[str, float]]) -> dict[str, Samples]:
    """Turn metrics by sample into samples by metric."""
    return {name: [sample[name] for sample in samples] for name in samples[0]}

"""A metric with its interval over the sentences."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from contract.errors import InputError

CONFIDENCE = 0.95
RESAMPLES = 300
Samples = Sequence[float] | NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, slots=True)
class Score:
    """One metric with its 95 % interval over the sentences."""

    value: float
    low: float
    high: float


def check_finite(logits_NC: NDArray[Any], whose: str = "the model's outputs") -> None:
    """Check that a model's outputs may be scored: a NaN would count as the first class.

    Raises:
        InputError: an output is not a finite number.
    """
    if not np.isfinite(logits_NC).all():
        raise InputError(
            f"{whose}: not all are finite numbers", "lower the learning rate and train it again, or give another model"
        )


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

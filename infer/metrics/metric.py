"""Metrics and their intervals. Shapes: N examples, K statistics of one example, R resamples.

A metric is a function of means over examples (accuracy: of right answers; F1: of hits and misses; Pearson's
correlation: of products). So intervals, paired differences and sequential tests are written once for every task.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import sqrt
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from contract.errors import needs_extra
from contract.strict import Strict

CONFIDENCE = 0.95
RESAMPLES = 1000
RESAMPLES_AT_ONCE = 50
SEED = 0

Statistics = NDArray[np.float64]


class Interval(Strict):
    """A number with the bounds of its 95 % interval over the examples."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Metric:
    """A metric of a model's answers.

    Attributes:
        name: its name in recipes and limits.
        heading: its name in tables.
        meaning: an explanation for readers who do not know it.
        unit: `%` if the value is a fraction that people read as a percentage; otherwise empty.
        digits: printed decimals.
        of_means: maps means of statistics over examples, shape (..., K), to the metric's value, shape (...).
        higher_is_better: whether a higher value is better.
        is_share: whether the one statistic is 0 or 1 and the metric is its mean, which has exact intervals.
        prepare: maps the statistics of a whole sample, shape (N, K) to (N, K), such as to ranks.
    """

    name: str
    heading: str
    meaning: str
    unit: str
    digits: int
    of_means: Callable[[Statistics], NDArray[np.float64]]
    higher_is_better: bool = True
    is_share: bool = False
    prepare: Callable[[Statistics], Statistics] | None = None

    def value(self, statistics_NK: Statistics) -> float:
        """Return the value over some examples."""
        prepared_NK = statistics_NK if self.prepare is None else self.prepare(statistics_NK)
        return float(self.of_means(prepared_NK.mean(axis=0)))


def interval(metric: Metric, statistics_NK: Statistics) -> Interval:
    """Return a metric with its 95 % interval.

    Wilson's interval for a share (by SciPy), and percentiles of a seeded bootstrap over the examples for other metrics.

    Raises:
        ValueError: there are no examples.
    """
    value = metric.value(_checked(statistics_NK))
    if metric.is_share:
        with needs_extra("report"):
            from scipy.stats import binomtest
        successes = round(float(statistics_NK.sum()))
        bounds = binomtest(successes, len(statistics_NK)).proportion_ci(CONFIDENCE, method="wilson")
        return Interval(value=value, low=float(bounds.low), high=float(bounds.high))
    return _between(value, _resampled(metric, statistics_NK))


def is_better(metric: Metric, found: Interval, value: float) -> bool:
    """Return whether a metric is better than a value with its whole interval."""
    return found.low > value if metric.higher_is_better else found.high < value


def paired_drop(metric: Metric, statistics_NK: Statistics, reference_NK: Statistics) -> Interval:
    """Return how much worse answers are than a reference's to the same examples, with its 95 % interval.

    Positive is worse, whatever the metric's direction. The interval pairs the examples: Agresti and Min's (2005) for a
    share, which keeps its level for few examples and few differences; a seeded bootstrap for other metrics.

    Raises:
        ValueError: there are no examples, or not the same number on both sides.
    """
    if _checked(statistics_NK).shape != reference_NK.shape:
        raise ValueError("the two sides have different examples")
    if metric.is_share:
        return _share_drop(statistics_NK[:, 0], reference_NK[:, 0])
    sign = 1.0 if metric.higher_is_better else -1.0
    value = sign * (metric.value(reference_NK) - metric.value(statistics_NK))
    drops_R = sign * (_resampled(metric, reference_NK) - _resampled(metric, statistics_NK))
    return _between(value, drops_R)


def _share_drop(right_N: NDArray[np.float64], reference_right_N: NDArray[np.float64]) -> Interval:
    lost = float((reference_right_N * (1 - right_N)).sum())
    won = float((right_N * (1 - reference_right_N)).sum())
    value = (lost - won) / len(right_N)
    # Agresti and Min add half an example to each of the four kinds of pairs.
    total = len(right_N) + 2
    centre = (lost - won) / total
    spread = sqrt((lost + won + 1) / total - centre**2) / sqrt(total)
    reach = NormalDist().inv_cdf((1 + CONFIDENCE) / 2) * spread
    return Interval(value=value, low=max(-1.0, min(value, centre - reach)), high=min(1.0, max(value, centre + reach)))


def _checked(statistics_NK: Statistics) -> Statistics:
    if not len(statistics_NK):
        raise ValueError("there are no examples")
    return statistics_NK


def _between(value: float, samples_R: NDArray[np.float64]) -> Interval:
    low, high = np.quantile(samples_R, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    # Of few examples, or by rounding, all resamples may lie on one side of the value.
    return Interval(value=value, low=float(min(low, value)), high=float(max(high, value)))


def _resampled(metric: Metric, statistics_NK: Statistics) -> NDArray[np.float64]:
    """Return the metric of R bootstrap samples, which are of the same examples in every call."""
    generator = np.random.default_rng(SEED)
    count = len(statistics_NK)
    if metric.prepare is not None:
        picks = (generator.integers(count, size=count) for _ in range(RESAMPLES))
        return np.array([metric.value(statistics_NK[rows]) for rows in picks])
    parts: list[NDArray[Any]] = []
    for _ in range(RESAMPLES // RESAMPLES_AT_ONCE):
        weights_RN = generator.multinomial(count, np.full(count, 1 / count), size=RESAMPLES_AT_ONCE)
        parts.append(metric.of_means(weights_RN @ statistics_NK / count))
    return np.concatenate(parts)

"""Statistics of latency samples: percentiles, where there are enough samples, and the speed-up of a model."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import exp, lgamma, log
from statistics import median

import numpy as np
from numpy.typing import NDArray

from bench.record import Block, Record
from contract.errors import InconclusiveError

MEDIAN = 50
# Early stopping in MLPerf's inference rules, confidence 0.99: the fewest samples that bound each percentile.
MINIMUM_SAMPLES = {50: 8, 90: 64, 95: 130, 99: 662}
UNCERTAINTY = 0.01

MINIMUM_BLOCKS = 3
RESAMPLES = 2000
CONFIDENCE = 0.95


@dataclass(frozen=True, kw_only=True, slots=True)
class Ratio:
    """A speed-up with its 95 % interval over the blocks."""

    value: float
    low: float
    high: float


def percentile(samples_ns: Sequence[int], percent: int) -> float | None:
    """Return a percentile of latency, or None where there are too few samples for it.

    The median is the sample median. The others are MLPerf's upper estimates: as many of the slowest samples are left
    out as exceed the true percentile with 99 % confidence.

    Args:
        samples_ns: steady-state samples.
        percent: 50, 90, 95 or 99.

    Raises:
        ValueError: another percentile.
    """
    if percent not in MINIMUM_SAMPLES:
        raise ValueError(f"percentile {percent} has no rule: ask for one of {sorted(MINIMUM_SAMPLES)}")
    if len(samples_ns) < MINIMUM_SAMPLES[percent]:
        return None
    if percent == MEDIAN:
        return float(median(samples_ns))
    slowest_first = sorted(samples_ns, reverse=True)
    return float(slowest_first[_excluded(len(samples_ns), percent)])


def speed_up(reference: Record, record: Record) -> Ratio | None:
    """Compare two models that were measured in turn, block by block on the same sentences.

    Args:
        reference: the model to compare with.
        record: the model to compare.

    Returns:
        The reference's latency divided by the model's; None if fewer than three pairs of blocks are usable.

    Raises:
        InconclusiveError: they were not measured in one session on one machine.
    """
    if reference.session != record.session or reference.machine != record.machine:
        raise InconclusiveError(
            f"{record.label} and {reference.label} were not measured in one session on one machine",
            "measure them in one `tinybert bench` command",
        )
    pairs = [pair for pair in zip(reference.blocks, record.blocks, strict=False) if _comparable(*pair)]
    if len(pairs) < MINIMUM_BLOCKS:
        return None
    logs = np.log([median(base.infer_ns) / median(other.infer_ns) for base, other in pairs])
    low, high = np.quantile(_resampled_medians(logs), [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    value = float(np.median(logs))
    return Ratio(value=float(np.exp(value)), low=float(np.exp(min(low, value))), high=float(np.exp(max(high, value))))


@lru_cache
def _excluded(count: int, percent: int) -> int:
    """Return how many of the slowest samples an upper estimate leaves out.

    With t samples over the true percentile, P(Binomial(count, 1 - p) <= t) is at most the uncertainty; the largest
    such t bounds the percentile by the t-th slowest sample, so t - 1 are left out.
    """
    over = (100 - percent) / 100
    cumulative, number = 0.0, 0
    while True:
        cumulative += _binomial(count, number, over)
        if cumulative > UNCERTAINTY:
            return max(0, number - 2)
        number += 1


def _binomial(count: int, number: int, probability: float) -> float:
    """Return the probability of `number` successes, by logarithms because the coefficients overflow a float."""
    coefficient = lgamma(count + 1) - lgamma(number + 1) - lgamma(count - number + 1)
    return exp(coefficient + number * log(probability) + (count - number) * log(1 - probability))


def _comparable(base: Block, other: Block) -> bool:
    usable = base.validity != "invalid" and other.validity != "invalid"
    return usable and base.rows == other.rows and bool(base.infer_ns) and bool(other.infer_ns)


def _resampled_medians(values: NDArray[np.float64]) -> NDArray[np.float64]:
    generator = np.random.default_rng(0)
    picks = generator.integers(len(values), size=(RESAMPLES, len(values)))
    medians: NDArray[np.float64] = np.median(values[picks], axis=1)
    return medians

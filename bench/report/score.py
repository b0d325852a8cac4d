"""Scores of a confusion matrix and of pairs of right and wrong, with their 95 % intervals."""

from dataclasses import dataclass
from math import sqrt
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from bench.record import Accuracy, Estimate
from contract.errors import needs_extra

CONFIDENCE = 0.95


@dataclass(frozen=True, kw_only=True, slots=True)
class Interval:
    """A value and the bounds of its 95 % interval."""

    value: float
    low: float
    high: float


def interval(estimate: Estimate) -> Interval:
    """Return what a record says of a correlation."""
    return Interval(value=estimate.value, low=estimate.low, high=estimate.high)


def accuracy(counts: Accuracy) -> Interval:
    """Return the share of right sentences with its Wilson interval.

    Raises:
        ValueError: no sentence was judged.
    """
    with needs_extra("report"):
        from scipy.stats import binomtest
    bounds = binomtest(counts.right, counts.total).proportion_ci(CONFIDENCE, method="wilson")
    return Interval(value=counts.right / counts.total, low=float(bounds.low), high=float(bounds.high))


def accuracy_drop(counts: Accuracy) -> Interval:
    """Return the teacher's accuracy minus the model's, with an interval that pairs the sentences.

    The interval is Agresti and Min's (2005): Wald's with half a sentence added to each of the four kinds of pairs,
    which keeps its level for few sentences and few differences.
    """
    lost = counts.teacher_right - counts.both_right
    won = counts.right - counts.both_right
    value = (lost - won) / counts.total
    total = counts.total + 2
    centre = (lost - won) / total
    spread = sqrt((lost + won + 1) / total - centre**2) / sqrt(total)
    reach = NormalDist().inv_cdf((1 + CONFIDENCE) / 2) * spread
    return Interval(value=value, low=max(-1.0, min(value, centre - reach)), high=min(1.0, max(value, centre + reach)))


def f1_macro(counts: Accuracy) -> float:
    """Return F1 averaged over the labels with equal weights; a label nobody has or predicts counts 0."""
    with needs_extra("report"):
        from sklearn.metrics import f1_score
    true_N, predicted_N = _labels(counts)
    labels = range(len(counts.confusion))
    return float(f1_score(true_N, predicted_N, labels=list(labels), average="macro", zero_division=0.0))


def matthews(counts: Accuracy) -> float:
    """Return the Matthews correlation of true and predicted labels; 0 where one of them is constant."""
    with needs_extra("report"):
        from sklearn.metrics import matthews_corrcoef
    true_N, predicted_N = _labels(counts)
    if np.ptp(true_N) == 0 or np.ptp(predicted_N) == 0:
        return 0.0
    return float(matthews_corrcoef(true_N, predicted_N))


def _labels(counts: Accuracy) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Unroll a confusion matrix into true and predicted labels, each of shape (N,)."""
    confusion_CC = np.asarray(counts.confusion)
    true_P, predicted_P = np.indices(confusion_CC.shape).reshape(2, -1)
    return np.repeat(true_P, confusion_CC.ravel()), np.repeat(predicted_P, confusion_CC.ravel())

"""Metrics of label counts. Shapes: N examples, C labels, K = 3 C statistics.

The statistics of an example are three indicators for each label: it is both the reference and the prediction (a hit),
it is the reference, it is the prediction.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from infer.metrics.metric import Metric, Statistics


def right(labels_N: NDArray[np.int64], answers_N: NDArray[np.int64]) -> Statistics:
    """Return the statistic of accuracy, shape (N, 1)."""
    right_N1: Statistics = (labels_N == answers_N).astype(np.float64)[:, None]
    return right_N1


def hits(labels_N: NDArray[np.int64], answers_N: NDArray[np.int64], classes: int) -> Statistics:
    """Return the statistics of F1 and Matthews' coefficient, shape (N, 3 C)."""
    numbers_C = np.arange(classes)
    true_NC, predicted_NC = (side_N[:, None] == numbers_C for side_N in (labels_N, answers_N))
    return np.concatenate([true_NC & predicted_NC, true_NC, predicted_NC], axis=1).astype(np.float64)


def most_frequent(labels_N: NDArray[np.int64]) -> int:
    """Return the label of most examples, the first of several; 0 if there are no examples."""
    return int(np.bincount(labels_N.astype(np.int64), minlength=1).argmax())


def share(part: NDArray[Any], whole: NDArray[Any]) -> NDArray[np.float64]:
    """Divide, with 0 where the divisor is 0."""
    quotient: NDArray[np.float64] = np.divide(part, whole, out=np.zeros(np.shape(part)), where=whole != 0)
    return quotient


def _f1(means_K: Statistics) -> NDArray[np.float64]:
    hit_C, true_C, predicted_C = np.split(means_K, 3, axis=-1)
    return share(2 * hit_C, true_C + predicted_C)


def _f1_macro(means_K: Statistics) -> NDArray[np.float64]:
    # As scikit-learn does, over the labels that are right or answered at all: of any other there is nothing to say.
    _, true_C, answered_C = np.split(means_K, 3, axis=-1)
    occurs_C = true_C + answered_C > 0
    return share(_f1(means_K).sum(axis=-1), occurs_C.sum(axis=-1))


def _f1_binary(means_K: Statistics) -> NDArray[np.float64]:
    second: NDArray[np.float64] = _f1(means_K)[..., 1]
    return second


def _matthews(means_K: Statistics) -> NDArray[np.float64]:
    # Gorodkin, Comparing two K-category assignments by a K-category correlation coefficient (2004), equation 8.
    hit_C, true_C, predicted_C = np.split(means_K, 3, axis=-1)
    agreement = hit_C.sum(axis=-1) - (true_C * predicted_C).sum(axis=-1)
    spread = (1 - (true_C**2).sum(axis=-1)) * (1 - (predicted_C**2).sum(axis=-1))
    # If all labels or all predictions are the same, rounding leaves a spread that is not exactly 0.
    return share(agreement, np.sqrt(np.where(spread < TINY, 0.0, spread)))


TINY = 1e-12

ACCURACY = Metric(
    name="accuracy",
    heading="Accuracy",
    meaning="the share of examples with the right label",
    unit="%",
    digits=1,
    of_means=lambda means_K: means_K[..., 0],
    is_share=True,
)
MATTHEWS = Metric(
    name="matthews",
    heading="Matthews",
    meaning="the correlation of reference and predicted labels (Matthews' coefficient): 1 is perfect, 0 is chance",
    unit="",
    digits=3,
    of_means=_matthews,
)
F1_BINARY = Metric(
    name="f1_binary",
    heading="F1",
    meaning="the harmonic mean of precision and recall of the second label",
    unit="%",
    digits=1,
    of_means=_f1_binary,
)
F1_MACRO = Metric(
    name="f1_macro",
    heading="Macro F1",
    meaning="F1 of each label, averaged with equal weights",
    unit="%",
    digits=1,
    of_means=_f1_macro,
)

"""Metrics of scores. Shapes: N examples; x are the reference scores, y the predicted ones."""

import numpy as np
from numpy.typing import NDArray

from contract.errors import needs_extra
from infer.metrics.metric import Metric, Statistics

# The smallest variance, relative to the mean square, that is more than rounding.
TINY = 1e-12


def pairs(right_N: NDArray[np.float64], answers_N: NDArray[np.float64]) -> Statistics:
    """Return the statistics of Spearman's correlation, shape (N, 2): both scores, which are ranked in each sample."""
    return np.stack([right_N, answers_N], axis=1)


def products(right_N: NDArray[np.float64], answers_N: NDArray[np.float64]) -> Statistics:
    """Return the statistics of Pearson's correlation, shape (N, 5): both scores, their squares and their product."""
    # A shift does not change the correlation, and around zero rounding is least.
    x_N, y_N = right_N - right_N.mean(), answers_N - answers_N.mean()
    return np.stack([x_N, y_N, x_N**2, y_N**2, x_N * y_N], axis=1)


def squared_errors(right_N: NDArray[np.float64], answers_N: NDArray[np.float64]) -> Statistics:
    """Return the statistic of the root mean squared error, shape (N, 1)."""
    return ((answers_N - right_N) ** 2)[:, None]


def pearson(first_N: NDArray[np.float64], second_N: NDArray[np.float64]) -> float:
    """Return Pearson's correlation of two models' scores; 0 if one side is constant."""
    return PEARSON.value(products(first_N, second_N))


def _pearson(means_K: Statistics) -> NDArray[np.float64]:
    x, y, xx, yy, xy = np.moveaxis(means_K, -1, 0)
    x_variance, y_variance = xx - x**2, yy - y**2
    varies = (x_variance > TINY * xx) & (y_variance > TINY * yy)
    spread = np.sqrt(np.where(varies, x_variance * y_variance, 1.0))
    return np.where(varies, np.clip((xy - x * y) / spread, -1.0, 1.0), 0.0)


def _ranked(pairs_N2: Statistics) -> Statistics:
    with needs_extra("report"):
        from scipy.stats import rankdata
    return products(*(np.asarray(rankdata(side_N), dtype=np.float64) for side_N in pairs_N2.T))


PEARSON = Metric(
    name="pearson",
    heading="Pearson",
    meaning="the linear correlation with the reference scores: 1 is perfect, 0 is chance",
    unit="",
    digits=3,
    of_means=_pearson,
)
SPEARMAN = Metric(
    name="spearman",
    heading="Spearman",
    meaning="the correlation of the ranks of predicted and reference scores",
    unit="",
    digits=3,
    of_means=_pearson,
    prepare=_ranked,
)
RMSE = Metric(
    name="rmse",
    heading="RMSE",
    meaning="the root of the mean squared error, on the scale of the data",
    unit="",
    digits=3,
    of_means=lambda means_K: np.sqrt(means_K[..., 0]),
    higher_is_better=False,
)

"""Metrics of scores, against SciPy's and by hand."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from scipy.stats import pearsonr, spearmanr

from infer.metrics.correlation import PEARSON, RMSE, SPEARMAN, pairs, products, squared_errors
from infer.metrics.metric import interval, paired_drop

SCORES = arrays(np.float64, 30, elements=st.floats(-100, 100, width=16))


@given(SCORES, SCORES)
def test_metrics_are_those_of_scipy(right_N: NDArray[np.float64], answers_N: NDArray[np.float64]) -> None:
    assume(min(np.ptp(right_N), np.ptp(answers_N)) > 1e-3)
    for metric, statistics, of_scipy in ((PEARSON, products, pearsonr), (SPEARMAN, pairs, spearmanr)):
        expected = of_scipy(right_N, answers_N).statistic
        assert metric.value(statistics(right_N, answers_N)) == pytest.approx(expected, abs=1e-6)


@given(SCORES, st.floats(-100, 100, width=16), st.booleans())
def test_a_constant_side_has_no_correlation(varied_N: NDArray[np.float64], value: float, swapped: bool) -> None:
    sides = (np.full(30, value), varied_N) if swapped else (varied_N, np.full(30, value))
    assert PEARSON.value(products(*sides)) == SPEARMAN.value(pairs(*sides)) == 0


def test_metrics_by_hand() -> None:
    right_N, answers_N = np.array([1.0, 2, 3, 4]), np.array([1.0, 2, 4, 8])
    # Centred products: 11.5; centred squares: 5 and 28.75.
    assert PEARSON.value(products(right_N, answers_N)) == pytest.approx(11.5 / (5 * 28.75) ** 0.5)
    assert SPEARMAN.value(pairs(right_N, answers_N)) == pytest.approx(1)
    assert RMSE.value(squared_errors(right_N, answers_N)) == pytest.approx(((1 + 16) / 4) ** 0.5)


def test_intervals_hold_their_value_and_are_the_same_again() -> None:
    generator = np.random.default_rng(0)
    right_N = generator.normal(size=200)
    answers_N = right_N + generator.normal(size=200)
    worse_N = answers_N + 2 * generator.normal(size=200)
    for metric, statistics in ((PEARSON, products), (SPEARMAN, pairs), (RMSE, squared_errors)):
        bounds = interval(metric, statistics(right_N, answers_N))
        assert bounds == interval(metric, statistics(right_N, answers_N))
        assert bounds.low < bounds.value < bounds.high
        drop = paired_drop(metric, statistics(right_N, worse_N), statistics(right_N, answers_N))
        assert 0 < drop.low < drop.value < drop.high  # worse is above 0, whatever the metric's direction

"""Metrics of counted labels, against scikit-learn's."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray
from sklearn import metrics as sklearn_metrics

from infer.metrics.counts import ACCURACY, F1_BINARY, F1_MACRO, MATTHEWS, hits, right
from infer.metrics.metric import interval

# Often a label has no example, or is never answered, or both.
COUNTS = st.one_of(st.just(0), st.integers(0, 30))
CONFUSIONS = (
    st.integers(2, 4)
    .flatmap(lambda classes: arrays.arrays(np.int64, (classes, classes), elements=COUNTS))
    .filter(lambda confusion_CC: bool(confusion_CC.sum()))
)


@pytest.mark.filterwarnings("ignore:A single label was found")
@given(CONFUSIONS)
def test_metrics_are_those_of_scikit_learn(confusion_CC: NDArray[np.int64]) -> None:
    classes = len(confusion_CC)
    true_N, predicted_N = (np.repeat(side.ravel(), confusion_CC.ravel()) for side in np.indices(confusion_CC.shape))
    counted_NK = hits(true_N, predicted_N, classes)
    f1_C = sklearn_metrics.f1_score(true_N, predicted_N, labels=range(classes), average=None, zero_division=0)
    assert ACCURACY.value(right(true_N, predicted_N)) == pytest.approx(
        sklearn_metrics.accuracy_score(true_N, predicted_N)
    )
    assert F1_MACRO.value(counted_NK) == pytest.approx(
        sklearn_metrics.f1_score(true_N, predicted_N, average="macro", zero_division=0)
    )
    assert F1_BINARY.value(counted_NK) == pytest.approx(f1_C[1])
    assert MATTHEWS.value(counted_NK) == pytest.approx(sklearn_metrics.matthews_corrcoef(true_N, predicted_N), abs=1e-9)


@pytest.mark.parametrize(
    ("labels", "answers", "classes", "expected"),
    [
        ([0, 1, 0, 1], [0, 1, 0, 1], 3, 1.0),  # of the third label there is no example and no answer
        ([0, 1, 0, 1], [0, 1, 0, 1], 2, 1.0),
        ([0, 1, 0, 1], [0, 1, 0, 2], 3, (1 + 2 / 3 + 0) / 3),  # answered, never right
        ([0, 1, 0, 2], [0, 1, 0, 1], 3, (1 + 2 / 3 + 0) / 3),  # right, never answered
        ([0, 0], [0, 0], 5, 1.0),
        ([0, 0], [1, 1], 5, 0.0),
    ],
)
def test_macro_f1_is_over_the_labels_that_occur(
    labels: list[int], answers: list[int], classes: int, expected: float
) -> None:
    counted_NK = hits(np.asarray(labels), np.asarray(answers), classes)
    found = interval(F1_MACRO, counted_NK)
    assert found.value == pytest.approx(expected)
    if expected in (0.0, 1.0):
        assert found.low == found.high == pytest.approx(expected)


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), min_size=2, max_size=50))
def test_an_interval_holds_its_value_and_is_the_same_again(pairs: list[tuple[int, int]]) -> None:
    labels_N, answers_N = np.asarray(pairs).T
    bounds = interval(ACCURACY, right(labels_N, answers_N))
    assert bounds == interval(ACCURACY, right(labels_N, answers_N))
    assert 0 <= bounds.low <= bounds.value <= bounds.high <= 1

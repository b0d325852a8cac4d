"""Metrics of a classification, for many confusion matrices at once, against scikit-learn's for one."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray
from sklearn import metrics as sklearn_metrics

from infer.tasks import classification

CONFUSIONS = (
    st.integers(2, 4)
    .flatmap(lambda classes: arrays.arrays(np.int64, (classes, classes), elements=st.integers(0, 30)))
    .filter(lambda confusion_CC: bool(confusion_CC.sum()))
)


@pytest.mark.filterwarnings("ignore:A single label was found")
@given(CONFUSIONS)
def test_metrics_are_those_of_scikit_learn(confusion_CC: NDArray[np.int64]) -> None:
    classes = len(confusion_CC)
    true_N, predicted_N = (np.repeat(side.ravel(), confusion_CC.ravel()) for side in np.indices(confusion_CC.shape))
    found = {name: value_R[0] for name, value_R in classification.metrics(confusion_CC[None]).items()}
    precision_C, recall_C, f1_C, _ = sklearn_metrics.precision_recall_fscore_support(
        true_N, predicted_N, labels=range(classes), zero_division=0
    )
    expected = {
        "accuracy": sklearn_metrics.accuracy_score(true_N, predicted_N),
        "precision_macro": precision_C.mean(),
        "recall_macro": recall_C.mean(),
        "f1_macro": f1_C.mean(),
        "matthews": sklearn_metrics.matthews_corrcoef(true_N, predicted_N),
    }
    if classes == 2:
        expected["f1_binary"] = f1_C[1]
    assert found == pytest.approx(expected, abs=1e-9)


def test_a_large_split_has_the_metrics_of_a_small_one() -> None:
    small_CC = np.array([[4, 1], [2, 3]])
    small, large = (classification.metrics(counts_CC[None]) for counts_CC in (small_CC, 100_000 * small_CC))
    assert {name: value_R[0] for name, value_R in large.items()} == pytest.approx(
        {name: value_R[0] for name, value_R in small.items()}
    )


@given(st.lists(st.integers(0, 2), min_size=2, max_size=50), st.integers(0, 1_000))
def test_an_interval_holds_its_value_and_is_the_same_again(labels: list[int], seed: int) -> None:
    labels_N = np.asarray(labels)
    logits_NC = np.random.default_rng(seed).normal(size=(len(labels), 3)).astype(np.float32)
    found = classification.scores(labels_N, logits_NC)
    assert found == classification.scores(labels_N, logits_NC)
    accuracy = found["accuracy"]
    assert 0 <= accuracy.low <= accuracy.value <= accuracy.high <= 1

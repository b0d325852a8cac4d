"""Parity: which numbers are compared, and which models are rejected."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from contract import ragged
from contract.errors import WorkerError
from convert.parity import check, compare, fp32_limit, worst
from infer.folders.artifact import Parity
from infer.outputs import UNLABELLED, Outputs, of_logits
from infer.tasks import classification, regression, token_classification
from targets.profile import Precision

LABELS = classification.Settings(labels=("bad", "fair", "good"))
SCORES = regression.Settings()
TAGS = token_classification.Settings(tags=("O", "B-PER", "I-PER"))
NO_LABELS = ragged.single(np.empty(0, np.int64))  # answers for whole texts need none to be compared
LOGITS_NC = arrays(np.float32, (5, 3), elements=st.floats(-100, 100, width=32))


def compared(reference_NC: NDArray[np.float32], logits_NC: NDArray[np.float32]) -> Parity:
    return compare(of_logits(reference_NC), of_logits(logits_NC), LABELS, NO_LABELS)


def by_token(*rows: Any) -> Outputs:
    """Outputs whose rows have an entry for each token."""
    return of_logits(ragged.from_rows([np.asarray(row) for row in rows], like=np.empty((0, 3), np.float32)))


@given(LOGITS_NC, LOGITS_NC)
def test_logits_are_compared(reference_NC: np.ndarray, logits_NC: np.ndarray) -> None:
    parity = compared(reference_NC, logits_NC)
    assert parity.sentences == 5
    assert 0 <= parity.agreement <= 1
    assert 0 <= parity.mean_abs_difference <= parity.max_abs_difference * (1 + 1e-12)
    assert (parity.max_abs_difference == 0) == np.array_equal(reference_NC, logits_NC)
    assert compared(logits_NC, reference_NC) == parity


@pytest.mark.parametrize(("shift", "agreement"), [(0.0, 1.0), (0.009, 1.0), (0.011, 0.75), (-0.011, 0.75)])
def test_scores_agree_if_they_are_close(shift: float, agreement: float) -> None:
    """The reference's scores have a standard deviation of a tenth, so a hundredth is close."""
    reference_N1 = np.array([[0.0], [0.2], [0.0], [0.2]], np.float32)
    logits_N1 = reference_N1.copy()
    logits_N1[1] += shift
    assert compare(of_logits(reference_N1), of_logits(logits_N1), SCORES, NO_LABELS).agreement == agreement


@pytest.mark.parametrize(
    ("token", "agreement"),
    [
        pytest.param(0, 1.0, id="[CLS]"),
        pytest.param(1, 0.5, id="first piece"),
        pytest.param(2, 1.0, id="second piece of the same word"),
        pytest.param(3, 1.0, id="[SEP]"),
    ],
)
def test_sentences_agree_when_the_tags_of_their_words_do(token: int, agreement: float) -> None:
    short, long = np.eye(3)[[0, 1, 0]], np.eye(3)[[0, 1, 1, 0]]
    labels_NL = ([UNLABELLED, 2, UNLABELLED], [UNLABELLED, 2, UNLABELLED, UNLABELLED])
    labels = ragged.from_rows([np.asarray(labels_L) for labels_L in labels_NL], like=np.empty(0, np.int64))
    other = long.copy()
    other[token] = [0, 0, 2]
    parity = compare(by_token(short, long), by_token(short, other), TAGS, labels)
    assert parity.sentences == 2
    assert parity.agreement == agreement
    assert parity.max_abs_difference == 2.0
    assert parity.mean_abs_difference == pytest.approx(3 / 21)


def test_all_outputs_are_compared() -> None:
    tags = by_token(np.eye(3)).arrays
    near, far = (Outputs(arrays={**tags, "score": ragged.single(np.array([at]))}) for at in (0.0, 4.0))
    labels = ragged.from_rows([np.full(3, UNLABELLED)], like=np.empty(0, np.int64))
    parity = compare(near, far, TAGS, labels)
    assert parity.max_abs_difference == 4.0
    assert parity.mean_abs_difference == 0.4


@pytest.mark.parametrize(
    ("task", "logits_NC", "limit"),
    [(SCORES, [[200.0]], 2e-2), (SCORES, [[0.5]], 1e-4), (LABELS, [[200.0, 0.0, 0.0]], 1e-4)],
)
def test_large_scores_may_be_rounded_more(task: Any, logits_NC: list[list[float]], limit: float) -> None:
    assert fp32_limit(of_logits(np.array(logits_NC, np.float32)), task) == pytest.approx(limit)


@given(LOGITS_NC, LOGITS_NC, LOGITS_NC)
def test_the_worst_is_not_better_than_either(
    reference_NC: np.ndarray, first_NC: np.ndarray, second_NC: np.ndarray
) -> None:
    first, second = compared(reference_NC, first_NC), compared(reference_NC, second_NC)
    both = worst(first, second)
    assert both == worst(second, first)
    assert both.agreement == min(first.agreement, second.agreement)
    assert both.max_abs_difference == max(first.max_abs_difference, second.max_abs_difference)


@pytest.mark.parametrize(
    ("outputs", "message"),
    [
        (of_logits(np.zeros((2, 2), np.float32)), r"its outputs have shape \(2, 2\), the student's \(2, 3\)"),
        (by_token(np.zeros((3, 3)), np.zeros((2, 3))), r"its outputs have shape \(5, 3\), the student's \(2, 3\)"),
        (of_logits(np.full((2, 3), np.nan, np.float32)), "its logits are not finite$"),
        (of_logits(np.full((2, 3), np.inf, np.float32)), "its logits are not finite$"),
    ],
)
def test_outputs_that_cannot_be_compared_are_rejected(outputs: Outputs, message: str) -> None:
    with pytest.raises(WorkerError, match=message):
        compare(of_logits(np.zeros((2, 3), np.float32)), outputs, LABELS, NO_LABELS)


@pytest.mark.parametrize(
    ("difference", "precision", "rejected"),
    [(0.9e-4, "fp32", False), (1.1e-4, "fp32", True), (1.1e-4, "int8", False), (3.0, "int8", False)],
)
def test_only_fp32_must_match_the_student(difference: float, precision: str, *, rejected: bool) -> None:
    parity = compared(np.zeros((2, 3), np.float32), np.full((2, 3), difference, np.float32))
    if rejected:
        with pytest.raises(WorkerError, match=r"differ from the student's by 1\.1e-04, more than the 1e-04"):
            check(parity, Precision(precision))
    else:
        check(parity, Precision(precision))

"""Parity: what is compared, and what is refused."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from contract.errors import WorkerError
from convert.parity import check, compare, fp32_limit, worst
from targets.profile import Precision

LOGITS_NC = arrays(np.float32, (5, 3), elements=st.floats(-100, 100, width=32))


@given(LOGITS_NC, LOGITS_NC)
def test_differences_are_those_of_the_logits(reference_NC: np.ndarray, logits_NC: np.ndarray) -> None:
    parity = compare(reference_NC, logits_NC)
    assert parity.sentences == 5
    assert 0 <= parity.agreement <= 1
    assert 0 <= parity.mean_abs_difference <= parity.max_abs_difference * (1 + 1e-12)
    assert (parity.max_abs_difference == 0) == np.array_equal(reference_NC, logits_NC)
    assert compare(logits_NC, reference_NC) == parity


@pytest.mark.parametrize(("moved", "agreement"), [(0.0, 1.0), (0.009, 1.0), (0.011, 0.75), (-0.011, 0.75)])
def test_scores_agree_when_they_are_near(moved: float, agreement: float) -> None:
    """The reference's scores have a standard deviation of a tenth, so a hundredth is near."""
    reference_N1 = np.array([[0.0], [0.2], [0.0], [0.2]], np.float32)
    logits_N1 = reference_N1.copy()
    logits_N1[1] += moved
    assert compare(reference_N1, logits_N1).agreement == agreement


def test_large_scores_may_be_rounded_more() -> None:
    for logits_NC, limit in (([[200.0]], 2e-2), ([[0.5]], 1e-4), ([[200.0, 0.0]], 1e-4)):
        assert fp32_limit(np.array(logits_NC, np.float32)) == pytest.approx(limit)


@given(LOGITS_NC, LOGITS_NC, LOGITS_NC)
def test_the_worst_is_no_better_than_either(
    reference_NC: np.ndarray, first_NC: np.ndarray, second_NC: np.ndarray
) -> None:
    first, second = compare(reference_NC, first_NC), compare(reference_NC, second_NC)
    both = worst(first, second)
    assert both == worst(second, first)
    assert both.agreement == min(first.agreement, second.agreement)
    assert both.max_abs_difference == max(first.max_abs_difference, second.max_abs_difference)


@pytest.mark.parametrize(
    ("logits_NC", "message"),
    [
        (np.zeros((2, 2), np.float32), r"it answers in shape \(2, 2\), the student in \(2, 3\)"),
        (np.full((2, 3), np.nan, np.float32), "its logits are not finite numbers"),
        (np.full((2, 3), np.inf, np.float32), "its logits are not finite numbers"),
    ],
)
def test_no_answer_is_refused(logits_NC: np.ndarray, message: str) -> None:
    with pytest.raises(WorkerError, match=message):
        compare(np.zeros((2, 3), np.float32), logits_NC)


@pytest.mark.parametrize(
    ("difference", "precision", "refused"),
    [(0.9e-4, "fp32", False), (1.1e-4, "fp32", True), (1.1e-4, "int8", False), (3.0, "int8", False)],
)
def test_only_full_precision_must_be_the_student(difference: float, precision: str, *, refused: bool) -> None:
    parity = compare(np.zeros((2, 3), np.float32), np.full((2, 3), difference, np.float32))
    if refused:
        with pytest.raises(WorkerError, match=r"differ from the student's by 1\.1e-04, more than the 1e-04"):
            check(parity, Precision(precision))
    else:
        check(parity, Precision(precision))

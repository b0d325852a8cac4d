"""Answers are judged by what they should be: rounding is nothing, half precision and wrong kernels are errors."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from infer.doctor import compare
from infer.doctor.expected import TinyModel
from targets.profile import Precision

KNOWN_NC = np.array([[0.5, -0.5], [1.0, 0.25]])


def model(precision: str, error: float = 0.02) -> TinyModel:
    return TinyModel(name="made-up", precision=Precision(precision), logits_NC=KNOWN_NC, error=error)


@pytest.mark.parametrize(
    ("precision", "shift", "severity", "words"),
    [
        ("fp32", 0.0, None, ""),
        ("fp32", 9e-5, None, ""),
        ("fp32", 1e-3, "error", "differ by 1.0e-03: it computes in 16 bits"),
        ("fp32", 2e-2, "error", "in 16 bits"),
        ("fp32", 4e-2, "error", "its answers are wrong, by up to 4.0e-02"),
        ("int8", 9e-5, None, ""),
        ("int8", 1e-2, "note", "differ by 1.0e-02 from those on x86-64 with VNNI"),
        ("int8", 5.9e-2, "note", "processors round differently"),
        ("int8", 6.1e-2, "error", "its answers are wrong"),
    ],
)
def test_a_difference_is_judged(precision: str, shift: float, severity: str | None, words: str) -> None:
    subject = model(precision)
    logits_NC = KNOWN_NC.copy()
    logits_NC[1, 0] -= shift  # in one answer alone
    finding = compare.judge(subject, compare.difference(subject, logits_NC), "onnx int8")
    assert (finding and finding.severity) == severity
    assert finding is None or (words in finding.cause and finding.cure)


@pytest.mark.parametrize(
    "logits_NC",
    [np.full((2, 2), np.nan), np.full((2, 2), np.inf), np.zeros((2, 3)), np.zeros((1, 2)), np.zeros(2), np.array(0.0)],
)
def test_answers_that_cannot_be_compared_are_an_error(logits_NC: np.ndarray) -> None:
    assert compare.difference(model("int8"), logits_NC) is None
    finding = compare.judge(model("int8"), None, "onnx int8")
    assert finding is not None
    assert finding.severity == "error"


@given(arrays(np.float64, (2, 2), elements=st.floats(-1e6, 1e6)), st.sampled_from(["fp32", "int8"]))
def test_what_works_is_close(logits_NC: np.ndarray, precision: str) -> None:
    subject = model(precision)
    finding = compare.judge(subject, compare.difference(subject, logits_NC), "it")
    works = finding is None or finding.severity != "error"
    assert works == (np.abs(logits_NC - KNOWN_NC).max() <= (1e-4 if precision == "fp32" else 3 * 0.02))

"""Values of metrics as text."""

import pytest

from infer.metrics.correlation import RMSE
from infer.metrics.counts import ACCURACY, MATTHEWS
from infer.metrics.format import metric_drop, metric_drop_interval, metric_value
from infer.metrics.metric import Interval, Metric


@pytest.mark.parametrize(
    ("metric", "value", "text", "drop"),
    [
        (ACCURACY, 0.8834, "Accuracy 88.3 %", "88.3 points"),
        (ACCURACY, -0.0004, "Accuracy 0.0 %", "0.0 points"),
        (MATTHEWS, -0.0512, "Matthews \N{MINUS SIGN}0.051", "\N{MINUS SIGN}0.051"),
        (RMSE, 0.5, "RMSE 0.500", "0.500"),
    ],
)
def test_values_have_the_heading_and_drops_the_unit(metric: Metric, value: float, text: str, drop: str) -> None:
    assert metric_value(metric, value) == text
    assert metric_drop(metric, value) == drop


@pytest.mark.parametrize(
    ("metric", "text"), [(ACCURACY, "2.6 (2.0 to 3.3) points"), (MATTHEWS, "0.026 (0.020 to 0.033)")]
)
def test_a_drop_has_its_interval(metric: Metric, text: str) -> None:
    assert metric_drop_interval(metric, Interval(value=0.026, low=0.02, high=0.033)) == text

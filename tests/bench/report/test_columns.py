import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.report.columns import COLUMNS, DETAILS, DROP, MAIN, OTHERS, RESULTS, TERMINAL, columns_of
from bench.report.format import significant
from infer import tasks
from infer.metrics.correlation import RMSE
from infer.metrics.counts import ACCURACY, MATTHEWS
from infer.metrics.metric import Metric


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("latency_p50_ns", 12_345_678, "12.3"),
        ("latency_p50_ns", 1_234_567, "1.23"),
        ("latency_p50_ns", 123_456, "0.123"),
        ("latency_p90_ns", 1_234_567_890, "1235"),
        ("latency_p90_ns", 9_999_000, "10.0"),
        ("size_bytes", 2**20, "1.0"),
        ("size_bytes", 10**6, "1.0"),
        ("peak_memory_bytes", 150 * 2**20, "150.0"),
        ("agreement_teacher", 1.0, "100.0"),
        ("model_sha256", "0123456789abcdef", "0123456789ab"),
    ],
)
def test_a_property_is_printed_in_its_unit(name: str, value: object, text: str) -> None:
    assert COLUMNS[name].text(value) == text


@given(st.floats(1e-3, 1e6))
def test_three_digits_keep_the_value(value: float) -> None:
    printed = significant(value)
    assert float(printed) == pytest.approx(value, rel=5.1e-3, abs=5.1e-4)
    assert "e" not in printed


@pytest.mark.parametrize(
    ("metric", "value", "text", "units"),
    [
        (ACCURACY, 0.9128, "91.3", ("%, 95 %", "points, 95 %")),
        (ACCURACY, -0.0123, "\N{MINUS SIGN}1.2", ("%, 95 %", "points, 95 %")),
        (ACCURACY, -0.0001, "0.0", ("%, 95 %", "points, 95 %")),
        (MATTHEWS, -0.5, "\N{MINUS SIGN}0.500", ("95 %", "of Matthews, 95 %")),
        (RMSE, 0.7346, "0.735", ("95 %", "of RMSE, 95 %")),
    ],
)
def test_a_metric_is_printed_in_its_unit(metric: Metric, value: float, text: str, units: tuple[str, str]) -> None:
    quality, drop = columns_of((MAIN, DROP), metric).values()
    assert quality.text(value) == drop.text(value) == text
    assert (quality.unit, drop.unit) == units


def test_every_column_has_its_unit_and_meaning() -> None:
    assert {*RESULTS, *DETAILS, *TERMINAL} == {*COLUMNS, MAIN, DROP, OTHERS}
    for kind in tasks.MODULES:
        metric, *others = tasks.get(kind).METRICS
        columns = columns_of((*RESULTS, *DETAILS), metric, others)
        assert all(column.meaning for column in columns.values())
        assert len({column.title for name, column in columns.items() if name.startswith("quality.")}) == 1 + len(others)

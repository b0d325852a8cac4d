from collections.abc import Callable
from typing import Any

import pytest

from bench.record import Record
from bench.report.read import Session
from bench.report.row import rows_of
from bench.report.summary import fastest, summarize, tolerance_of
from infer import tasks
from infer.metrics.counts import ACCURACY
from targets.profile import names

MakeRecord = Callable[..., Record]


@pytest.fixture
def summary_of(make_record: MakeRecord, judged: Callable[..., dict[str, Any]]) -> Callable[..., str]:
    """Summarise artifacts given as (runtime, precision, milliseconds, drop in points, further changes)."""

    def summary(*artifacts: tuple[str, str, int, int, dict[str, Any]]) -> str:
        records = [make_record(kind="teacher", latency_ns=20_000_000)]
        for runtime, precision, latency_ms, drop, changes in artifacts:
            right = 92 - drop
            counts = judged(((right, 100 - right), (0, 0)), lost=drop, won=0)
            records.append(
                make_record(
                    runtime=runtime,
                    precision=precision,
                    latency_ns=latency_ms * 1_000_000,
                    **{**counts, "model_sha256": f"{len(records)}" * 64, **changes},
                )
            )
        first = records[0]
        session = Session(target="my-board", name="s", machine=first.machine, teacher=first, records=tuple(records))
        return summarize(rows_of(session), "my-board")

    return summary


def test_int8_wins_where_it_is_faster(summary_of: Callable[..., str]) -> None:
    text = summary_of(("onnx", "fp32", 5, 0, {}), ("onnx", "int8", 4, 1, {}))
    assert "within 2.0 points of the teacher (Accuracy, a general limit" in text
    assert (
        "is onnx int8: a median of 4.00 ms, 5.00 times as fast as the teacher, Accuracy 91.0 %, a drop of 1.0" in text
    )
    assert text.endswith("The fastest fp32 variant, onnx fp32, takes 1.25 times as long (5.00 ms).")


def test_fp32_may_be_the_best(summary_of: Callable[..., str]) -> None:
    text = summary_of(("onnx", "fp32", 4, 0, {}), ("onnx", "int8", 8, 1, {}))
    assert "is onnx fp32: a median of 4.00 ms" in text
    assert text.endswith("The fastest int8 variant, onnx int8, takes 2.00 times as long (8.00 ms).")


def test_a_variant_that_drops_too_much_cannot_win(summary_of: Callable[..., str]) -> None:
    text = summary_of(("onnx", "fp32", 5, 0, {}), ("tflite", "int8", 2, 6, {}))
    assert "is onnx fp32" in text
    assert text.endswith("Faster variants drop too much: tflite int8 loses 6.0 points.")


def test_an_invalid_variant_cannot_win(summary_of: Callable[..., str]) -> None:
    text = summary_of(("onnx", "fp32", 5, 0, {}), ("onnx", "int8", 1, 0, {"validity": "invalid", "causes": ("x",)}))
    assert "is onnx fp32" in text
    assert "int8" not in text


def test_a_degraded_winner_is_called_degraded(summary_of: Callable[..., str]) -> None:
    assert "degraded" in summary_of(("onnx", "int8", 1, 0, {"validity": "degraded", "causes": ("x",)}))


def test_nothing_within_the_limit(summary_of: Callable[..., str]) -> None:
    text = summary_of(("onnx", "fp32", 5, 3, {}), ("onnx", "int8", 4, 9, {}))
    assert text.startswith("No variant is within 2.0 points")
    assert "onnx fp32 comes closest and loses 3.0 points" in text


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"validity": "invalid", "causes": ("throttled",)}, "invalid: throttled"),
        ({"quality": None, "drop": None}, "there were no labels"),
    ],
)
def test_nothing_to_name(changes: dict[str, Any], reason: str, summary_of: Callable[..., str]) -> None:
    text = summary_of(("onnx", "fp32", 5, 3, changes))
    assert text.startswith("No variant can be named")
    assert reason in text


def test_no_artifact_at_all(summary_of: Callable[..., str]) -> None:
    assert "no artifact was measured" in summary_of()


@pytest.mark.parametrize("name", names())
def test_a_known_target_has_its_own_limits(name: str) -> None:
    for metric in (metric for kind in tasks.MODULES for metric in tasks.get(kind).METRICS):
        limit, source = tolerance_of(name, metric)
        if metric.higher_is_better:
            assert (limit, source) == (0.03, f"the budget of {name}")
        else:
            # An error is on the scale of the labels, which no device knows.
            assert (limit, source) == (0.02, f"a general limit, as the budget of {name} has none for {metric.heading}")


def test_an_unknown_target_has_the_general_limit() -> None:
    assert tolerance_of("my-board", ACCURACY) == (0.02, "a general limit, as my-board is not a known profile")


def test_the_fastest_of_nothing_is_none() -> None:
    assert fastest((), 0.02) is None

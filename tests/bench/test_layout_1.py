"""Records of layout 1, which had only totals, still give the same numbers."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench import layout_1
from bench.record import read_record
from contract.errors import InputError
from contract.strict import parse
from infer.metrics.metric import Interval

RESULTS = Path(__file__).parents[2] / "results"
RECORDS = [path for path in sorted(RESULTS.glob("*/*.json")) if b'"schema_version":1' in path.read_bytes()[:40]]
COUNTS = st.integers(0, 60)


def printed(interval: Interval | None, digits: int = 1, scale: int = 100) -> tuple[float, ...]:
    assert interval is not None
    return tuple(round(scale * number, digits) for number in (interval.value, interval.low, interval.high))


def converted(confusion: Any, teacher_right: int = 0, both_right: int = 0, **changes: Any) -> dict[str, Any]:
    counts = {
        "confusion": confusion,
        "teacher_right": teacher_right,
        "both_right": both_right,
        "agrees_with_teacher": 0,
        "agrees_with_student": None,
    }
    names = [str(label) for label in range(len(confusion))]
    value = {"schema_version": 1, "task": "classification", "label_names": names, "accuracy": counts, **changes}
    return layout_1.upgraded(value, "made-up.json")


@pytest.mark.parametrize("path", RECORDS, ids=lambda path: path.stem)
def test_a_committed_record_is_read(path: Path) -> None:
    record = read_record(path)
    assert (record.task.kind, record.task.names) == ("classification", ("negative", "positive"))
    assert (record.metric, record.examples, record.outputs, record.statistics) == ("accuracy", 872, None, None)
    assert record.quality is not None
    assert set(record.quality) == {"accuracy", "matthews", "f1_binary", "f1_macro"}
    assert (record.drop is None) == (record.kind == "teacher")
    assert ("student" in record.agreement) == (record.kind != "teacher")


@pytest.mark.parametrize(
    ("name", "accuracy", "drop", "agreement", "f1_macro", "matthews"),
    [
        # From results/REPORT.md before layout 2.
        ("/sst2-onnx-fp32-aa5c30ee", (89.1, 86.9, 91.0), (0.6, -1.1, 2.2), (93.9, 100.0), 0.891, 0.782),
        ("/sst2-onnx-int8-843305b3", (89.4, 87.2, 91.3), (0.2, -1.4, 1.9), (93.8, 99.0), 0.894, 0.789),
        ("/sst2-openvino-int8-864a06bc", (88.8, 86.5, 90.7), (0.9, -0.8, 2.6), (93.6, 99.4), 0.888, 0.775),
        ("-vnni/sst2-openvino-int8-0e08a462", (89.6, 87.4, 91.4), (0.3, -1.2, 1.9), (94.4, 99.3), 0.896, 0.791),
        ("-vnni/sst2-tflite-int8-562f9879", (89.1, 86.9, 91.0), (0.8, -0.8, 2.4), (93.9, 99.3), 0.891, 0.782),
    ],
)  # fmt: skip
def test_the_numbers_are_those_of_the_report(
    name: str,
    accuracy: tuple[float, ...],
    drop: tuple[float, ...],
    agreement: tuple[float, float],
    f1_macro: float,
    matthews: float,
) -> None:
    record = read_record(RESULTS / f"laptop-x86{name}.json")
    assert record.quality is not None
    assert printed(record.quality["accuracy"]) == accuracy
    assert printed(record.drop) == drop
    assert tuple(round(100 * record.agreement[kind], 1) for kind in ("teacher", "student")) == agreement
    assert printed(record.quality["f1_macro"], 3, 1)[0] == f1_macro
    assert printed(record.quality["matthews"], 3, 1)[0] == matthews


def test_the_teachers_numbers_are_those_of_the_report() -> None:
    record = read_record(RESULTS / "laptop-x86" / "sst2-teacher-9908ce54.json")
    assert record.quality is not None
    assert printed(record.quality["accuracy"]) == (89.7, 87.5, 91.5)
    assert printed(record.quality["matthews"], 3, 1)[0] == 0.794
    assert record.agreement == {"teacher": 1.0}


def test_wilson_interval_of_a_textbook_case() -> None:
    # Newcombe (1998), Statistics in Medicine 17, table I: 81 of 263, method 3.
    actual = converted(((81, 182), (0, 0)))["quality"]["accuracy"]
    assert (actual["value"], actual["low"], actual["high"]) == pytest.approx((81 / 263, 0.2553, 0.3662), abs=1e-4)


def test_drop_by_hand() -> None:
    # 200 sentences: the teacher has 180 right, the model 172, both 165: 15 lost and 7 won.
    actual = converted(((86, 14), (14, 86)), teacher_right=180, both_right=165)["drop"]
    centre = 8 / 202
    reach = 1.959964 * (23 / 202 - centre**2) ** 0.5 / 202**0.5
    assert (actual["value"], actual["low"], actual["high"]) == pytest.approx((0.04, centre - reach, centre + reach))


def test_three_labels_have_no_second_one() -> None:
    quality = converted(((2, 0, 0), (0, 2, 0), (1, 1, 0)))["quality"]
    assert quality["f1_macro"]["value"] == pytest.approx((4 / 5 + 4 / 5 + 0) / 3)
    assert "f1_binary" not in quality


@given(both=COUNTS, lost=COUNTS, won=COUNTS, neither=COUNTS)
def test_pairs_are_counted_from_sums(both: int, lost: int, won: int, neither: int) -> None:
    counts = {"teacher_right": both + lost, "both_right": both, "agrees_with_teacher": 0, "agrees_with_student": None}
    actual = parse(layout_1.Accuracy, {"confusion": ((both + won, lost + neither), (0, 0)), **counts}, "made up")
    assert actual.pairs == (both, lost, won, neither)


def test_a_regression_keeps_its_correlations() -> None:
    interval = {"value": 0.5, "low": 0.4, "high": 0.6}
    section: dict[str, Any] = dict.fromkeys(("pearson", "spearman", "rmse", "pearson_drop"), interval)
    section |= {"total": 7, "pearson_teacher": 0.9, "pearson_student": None}
    value = {"schema_version": 1, "task": "regression", "label_names": [], "accuracy": None, "correlation": section}
    actual = layout_1.upgraded(value, "made-up.json")
    assert actual["task"] == {"kind": "regression"}
    assert (actual["metric"], actual["examples"], actual["agreement"]) == ("pearson", 7, {})
    assert actual["quality"] == {"pearson": interval, "spearman": interval, "rmse": interval}
    assert actual["drop"] == interval
    assert layout_1.upgraded({**value, "kind": "teacher"}, "made-up.json")["drop"] is None


@pytest.mark.parametrize("confusion", [None, ((0, 0), (0, 0))])
def test_unjudged_records_keep_their_outputs(confusion: Any) -> None:
    changes = {"outputs": "packed"} if confusion else {"outputs": "packed", "accuracy": None}
    actual = converted(confusion or ((1, 0), (0, 1)), **changes)
    assert (actual["outputs"], actual["examples"], actual["quality"], actual["agreement"]) == ("packed", None, None, {})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"confusion": [[1, 2]]}, "'accuracy': the confusion matrix is not square"),
        ({"both_right": 900}, "'accuracy': these counts cannot be from the same sentences"),
        ({"right": 1}, "unknown key 'accuracy.right'"),
    ],
)
def test_impossible_counts_are_refused(changes: dict[str, Any], message: str, tmp_path: Path) -> None:
    value = json.loads(RECORDS[0].read_bytes())
    value["accuracy"] |= changes
    path = tmp_path / "record.json"
    path.write_text(json.dumps(value))
    with pytest.raises(InputError, match=message):
        read_record(path)


@pytest.mark.parametrize("task", [None, [], "summary"])
def test_an_unknown_task_is_refused(task: Any, tmp_path: Path) -> None:
    path = tmp_path / "record.json"
    path.write_text(json.dumps({**json.loads(RECORDS[0].read_bytes()), "task": task}))
    with pytest.raises(InputError, match="'task'"):
        read_record(path)


def test_a_metric_of_another_task_is_refused(tmp_path: Path) -> None:
    value = read_record(RECORDS[0]).model_dump(mode="json")
    path = tmp_path / "record.json"
    path.write_text(json.dumps(value))
    assert read_record(path) == read_record(RECORDS[0])
    path.write_text(json.dumps({**value, "metric": "mathews"}))
    with pytest.raises(InputError, match="a classification has no 'mathews', did you mean 'matthews'"):
        read_record(path)

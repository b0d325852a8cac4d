from collections.abc import Callable
from typing import Any

import pytest

from bench.record import Record
from bench.report.details import details_of
from bench.report.read import Session
from bench.report.row import Missing, Row, rows_of
from bench.report.view import view_of
from infer.metrics.metric import Interval

MakeRecord = Callable[..., Record]
SPEEDS = ("latency_p50_ns", "latency_p90_ns", "speed_up")


def session_of(*records: Record) -> Session:
    teachers = [record for record in records if record.kind == "teacher"]
    first = records[0]
    return Session(
        target=first.target,
        name=first.session,
        machine=first.machine,
        teacher=teachers[0] if teachers else None,
        records=records,
    )


def row_of(*records: Record) -> Row:
    """Return the row of the last record."""
    return rows_of(session_of(*records))[-1]


def test_every_number_of_a_row(make_record: MakeRecord) -> None:
    teacher = make_record(kind="teacher", latency_ns=20_000_000)
    row = row_of(teacher, make_record(latency_ns=4_000_000))
    assert (row.model, row.runtime, row.precision) == ("onnx fp32", "onnx 1.2.3", "fp32")
    assert (row.latency_p50_ns, row.latency_p90_ns) == (4_000_000, 4_000_000)
    assert isinstance(row.speed_up, Interval)
    assert [row.speed_up.low, row.speed_up.value, row.speed_up.high] == pytest.approx([5, 5, 5])
    assert (row.size_bytes, row.peak_memory_bytes) == (50 * 2**20, 100 * 2**20)
    assert isinstance(row.main_quality, Interval)
    assert isinstance(row.drop, Interval)
    assert row.metric == "accuracy"
    assert row.main_quality.value == pytest.approx(0.88)
    assert row.drop.value == pytest.approx(0.04)
    matthews, macro, binary = (row.quality[name] for name in ("matthews", "f1_macro", "f1_binary"))
    assert isinstance(matthews, Interval)
    assert isinstance(macro, Interval)
    assert isinstance(binary, Interval)
    # F1 of the labels is 2*45/(2*45+5+7) and 2*43/(2*43+5+7); Matthews is (45*43-5*7)/sqrt(50*50*52*48).
    assert matthews.value == pytest.approx(1900 / (50 * 50 * 52 * 48) ** 0.5)
    assert (macro.value, binary.value) == pytest.approx(((90 / 102 + 86 / 98) / 2, 86 / 98))
    assert (row.agreement_teacher, row.agreement_student) == (0.93, 0.99)
    assert (row.device, row.validity) == ("Test Board, 4 cores, aarch64", "valid")


def test_the_teacher_is_the_reference(teacher: Record) -> None:
    row = row_of(teacher)
    for name in ("speed_up", "drop", "agreement_teacher", "agreement_student"):
        assert isinstance(getattr(row, name), Missing)
    assert isinstance(row.latency_p50_ns, float | int)


def test_an_emulated_machine_shows_no_speed(make_record: MakeRecord, teacher: Record) -> None:
    machine = teacher.machine.model_copy(update={"emulated": True})
    row = row_of(teacher, make_record(machine=machine))
    for name in (*SPEEDS, "peak_memory_bytes"):
        assert getattr(row, name) == Missing(reason="speed and memory of an emulated machine mean nothing")
    assert not isinstance(row.main_quality, Missing)
    assert row.device.endswith("(emulated)")


def test_an_invalid_record_shows_no_speed_but_its_cause(make_record: MakeRecord, teacher: Record) -> None:
    row = row_of(teacher, make_record(validity="invalid", causes=("throttled", "on battery")))
    for name in SPEEDS:
        assert getattr(row, name) == Missing(reason="invalid: throttled; on battery")
    assert row.verdict == "invalid: throttled; on battery"
    assert row.peak_memory_bytes == 100 * 2**20


def test_an_invalid_teacher_is_no_reference(make_record: MakeRecord, teacher: Record) -> None:
    broken = teacher.model_copy(update={"validity": "invalid", "causes": ("throttled",)})
    row = row_of(broken, make_record())
    assert isinstance(row.latency_p50_ns, float | int)
    assert isinstance(row.speed_up, Missing)
    assert "throttled" in row.speed_up.reason


def test_a_session_without_a_teacher_has_no_speed_up(make_record: MakeRecord) -> None:
    row = row_of(make_record())
    assert row.speed_up == Missing(reason="the session has no teacher to compare with")


@pytest.mark.parametrize(("samples", "present"), [(7, ()), (8, ("p50",)), (63, ("p50",)), (64, ("p50", "p90"))])
def test_too_few_samples_give_no_percentile(samples: int, present: tuple[str, ...], make_record: MakeRecord) -> None:
    row = row_of(make_record(blocks=1, samples=samples))
    for percent in ("p50", "p90"):
        value = getattr(row, f"latency_{percent}_ns")
        if percent in present:
            assert value == 4_000_000
        else:
            assert value.reason == f"{samples} samples are too few for percentile {percent[1:]}"


def test_outputs_without_labels_have_no_quality(make_record: MakeRecord, unjudged: dict[str, Any]) -> None:
    row = row_of(make_record(**unjudged))
    for value in (*row.quality.values(), row.drop, row.agreement_teacher, row.agreement_student):
        assert isinstance(value, Missing)
        assert "there were no labels" in value.reason


def test_a_metric_that_is_not_defined_has_no_column(make_record: MakeRecord) -> None:
    record = make_record()
    three = {name: value for name, value in (record.quality or {}).items() if name != "f1_binary"}
    record = record.model_copy(update={"quality": three})
    assert row_of(record).quality["f1_binary"] == Missing(reason="F1 is not defined for these labels")
    headings = [column.title for column in view_of(session_of(record)).results.columns]
    assert "Macro F1" in headings
    assert "F1" not in headings


def test_the_recipes_metric_is_the_main_metric(make_record: MakeRecord, teacher: Record) -> None:
    view = view_of(session_of(teacher, make_record(metric="f1_binary")))
    assert {row.metric for row in view.rows} == {view.metric.name} == {"f1_binary"}
    headings = [column.heading for column in view.results.columns]
    assert headings[8:10] == ["F1 (%, 95 %)", "Drop (points, 95 %)"]
    assert headings[12:15] == ["Accuracy (%, 95 %)", "Matthews (95 %)", "Macro F1 (%, 95 %)"]
    assert "within 3.0 points of the teacher (F1, the budget of raspberry-pi-5)" in view.summary
    assert "onnx fp32 comes closest and loses 4.0 points" in view.summary


def test_labels_are_unique(make_record: MakeRecord) -> None:
    twins = rows_of(session_of(make_record(model_sha256="a" * 64), make_record(model_sha256="b" * 64)))
    assert [row.model for row in twins] == ["onnx fp32 #aaaaaa", "onnx fp32 #bbbbbb"]
    named = rows_of(session_of(make_record(), make_record(name="topics")))
    assert [row.model for row in named] == ["sentiment: onnx fp32", "topics: onnx fp32"]


def test_details_are_medians_of_the_usable_blocks(make_record: MakeRecord) -> None:
    record = make_record(blocks=4)
    blocks = [block.model_copy(update={"load_ns": 10 * number}) for number, block in enumerate(record.blocks, start=1)]
    blocks[3] = blocks[3].model_copy(update={"validity": "invalid", "warmup_stable": False})
    blocks[0] = blocks[0].model_copy(update={"warmup_stable": False})
    record = record.model_copy(update={"blocks": tuple(blocks)})
    details = details_of(row_of(record), record)
    assert details.load_ns == 20
    assert (details.blocks, details.samples, details.settled) == (3, 30, "2 of 3")


def test_equal_reasons_share_a_footnote(teacher: Record, make_record: MakeRecord, unjudged: dict[str, Any]) -> None:
    view = view_of(session_of(teacher, make_record(**unjudged)))
    assert [letter for letter, _ in view.results.notes] == ["a", "b", "c"]
    notes = {cell.note for line in view.results.lines for cell in line}
    assert notes == {"", "a", "b", "c"}


def test_two_pairs_of_blocks_are_too_few(make_record: MakeRecord) -> None:
    row = row_of(make_record(kind="teacher", latency_ns=20_000_000, blocks=2), make_record(blocks=2))
    assert isinstance(row.speed_up, Missing)
    assert "too few pairs of usable blocks" in row.speed_up.reason

"""A session says what its models are worth beside always giving the same answer, and what was trained on."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from bench.record import Overlap, Record
from bench.report import terminal
from bench.report.json_rows import render
from bench.report.read import Session
from bench.report.view import View, view_of
from bench.report.write import write_report
from infer.metrics.metric import Interval

MakeRecord = Callable[..., Record]
FolderOf = Callable[[Sequence[Record]], Path]
NOT_BETTER = (
    "{}, at Accuracy 88.0 (80.2 to 93.0) %, is not shown to be better than always giving the most frequent label, at "
    "Accuracy {} %."
)
MAJORITY = "Always giving the most frequent label: Accuracy {} %."


@pytest.fixture
def view(make_record: MakeRecord, judged: Callable[..., dict[str, Any]]) -> Callable[..., View]:
    """Show a teacher, a slow and a fast artifact, of which 88 of 100 answers are right, with changes to each."""

    def show(**changes: Any) -> View:
        return view_of(session(**changes))

    def session(*, slow: dict[str, Any], fast: dict[str, Any], **both: Any) -> Session:
        records = (
            make_record(kind="teacher", latency_ns=20_000_000, **{**judged(lost=0, won=0), "drop": None}, **both),
            make_record(precision="fp32", latency_ns=4_000_000, **{**judged(lost=1, won=0), **both, **slow}),
            make_record(precision="int8", latency_ns=3_000_000, **{**judged(lost=1, won=0), **both, **fast}),
        )
        first = records[0]
        return Session(target="my-board", name="s", machine=first.machine, teacher=first, records=records)

    return show


def test_a_record_of_an_earlier_version_has_no_notes(view: Callable[..., View]) -> None:
    found = view(slow={}, fast={})
    assert found.notes == ()
    assert found.summary.startswith("The fastest variant within 2.0 points")


def test_a_useful_model_is_recommended_beside_the_majority(view: Callable[..., View]) -> None:
    found = view(slow={}, fast={}, constant={"accuracy": 0.5, "f1_macro": 0.33})
    assert found.notes == (MAJORITY.format("50.0"),)
    assert "The fastest variant within 2.0 points of the teacher" in found.summary
    assert "is onnx int8" in found.summary


@pytest.mark.parametrize("majority", [0.85, 0.88, 0.95])
def test_no_model_is_recommended_that_is_no_better_than_the_majority(
    view: Callable[..., View], majority: float
) -> None:
    found = view(slow={}, fast={}, constant={"accuracy": majority})
    percent = f"{100 * majority:.1f}"
    models = ("teacher (pytorch)", "onnx fp32", "onnx int8")
    assert found.notes == (MAJORITY.format(percent), *(NOT_BETTER.format(model, percent) for model in models))
    assert found.summary == (
        "No variant can be named the fastest within 2.0 points of the teacher (Accuracy, a general limit, as my-board "
        "is not a known profile): none is shown to be better than always giving the most frequent label."
    )
    assert found.results.best is None


def test_a_slower_useful_model_is_recommended_instead(view: Callable[..., View]) -> None:
    collapsed = {"quality": {"accuracy": Interval(value=0.88, low=0.6, high=0.93)}}
    found = view(slow={}, fast=collapsed, constant={"accuracy": 0.7})
    assert "is onnx fp32" in found.summary
    assert [note.split(",")[0] for note in found.notes] == [MAJORITY.format("70.0"), "onnx int8"]


def test_an_error_must_be_lower_than_that_of_the_mean_score(scored_records: tuple[Record, ...]) -> None:
    changed = [record.model_copy(update={"constant": {"pearson": 0.0, "rmse": 0.7}}) for record in scored_records]
    for metric, expected in (
        ("pearson", ["Always giving the mean score: Pearson 0.000."]),
        ("rmse", ["Always giving the mean score: RMSE 0.700.", "teacher (pytorch), at RMSE 0.700 (0.690 to 0.710)"]),
    ):
        records = tuple(record.model_copy(update={"metric": metric}) for record in changed)
        first = records[0]
        found = view_of(Session(target="b", name="s", machine=first.machine, teacher=first, records=records))
        assert found.notes[: len(expected)] == tuple(
            note if note.startswith(start) else start for note, start in zip(found.notes, expected, strict=False)
        )
        assert len(found.notes) == (1 if metric == "pearson" else 4)


def test_the_examples_that_were_trained_on_are_counted(view: Callable[..., View]) -> None:
    others = Interval(value=0.5, low=0.1, high=0.9)
    found = view(slow={}, fast={"overlap": None}, overlap=Overlap(examples=98, others=others))
    assert found.notes == (
        "98 of the 100 evaluation examples are also training examples; on the other 2: teacher (pytorch) Accuracy "
        "50.0 (10.0 to 90.0) %, onnx fp32 Accuracy 50.0 (10.0 to 90.0) %.",
    )
    found = view(slow={}, fast={}, overlap=Overlap(examples=100, others=None))
    assert found.notes == ("100 of the 100 evaluation examples are also training examples.",)


@pytest.mark.parametrize(("times", "often"), [(1, "once"), (2, "2 times")])
def test_a_session_says_that_it_was_interrupted(view: Callable[..., View], times: int, often: str) -> None:
    (note,) = view(slow={}, fast={}, interruptions=times).notes
    assert note.startswith(f"The session was interrupted {often} and went on")


def test_every_form_of_the_report_has_the_notes(view: Callable[..., View], folder_of: FolderOf, tmp_path: Path) -> None:
    found = view(slow={}, fast={}, constant={"accuracy": 0.5})
    (note,) = found.notes
    page = write_report([folder_of(found.session.records)], tmp_path / "report.html")
    assert f"<li>{note}</li>" in page.read_text(encoding="utf-8")
    assert f"\n- {note}\n" in (tmp_path / "REPORT.md").read_text(encoding="utf-8")
    document = json.loads(render([found], page))["sessions"][0]
    assert document["notes"] == [note]
    assert [row["constant"] for row in document["rows"]] == [0.5, 0.5, 0.5]
    console = Console(record=True, width=200)
    terminal.show(found, console)
    assert note in console.export_text()

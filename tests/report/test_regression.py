"""A regression in the report: correlations where a classification has accuracies."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bench.record import Record
from bench.report import markdown
from bench.report.pareto import points_of
from bench.report.read import Session
from bench.report.score import Interval
from bench.report.table import Absent, rows_of
from bench.report.view import legend_of, view_of
from tinybert_edge.cli import app

Scored = tuple[Record, ...]


def session_of(records: Sequence[Record]) -> Session:
    first = records[0]
    return Session(
        target=first.target, name=first.session, machine=first.machine, teacher=first, records=tuple(records)
    )


def test_a_row_has_what_its_task_has(scored_records: Scored) -> None:
    teacher, artifact, _ = rows_of(session_of(scored_records))
    assert artifact.quality == artifact.pearson == Interval(value=0.86, low=0.85, high=0.87)
    assert artifact.drop == artifact.pearson_drop == Interval(value=0.01, low=0.0, high=0.02)
    assert (artifact.pearson_teacher, artifact.pearson_student) == (0.95, 0.999)
    for name in ("accuracy", "f1_macro", "matthews", "accuracy_drop", "agreement_teacher", "agreement_student"):
        assert isinstance(getattr(artifact, name), Absent)
    for name in ("pearson_drop", "pearson_teacher", "pearson_student"):
        assert isinstance(getattr(teacher, name), Absent)


def test_the_summary_is_in_correlations(scored_records: Scored) -> None:
    summary = view_of(session_of(scored_records)).summary
    assert "within 0.030 of the teacher's Pearson correlation" in summary
    assert "is onnx fp32: a median of 4.00 ms" in summary
    assert "a Pearson correlation of 0.860, a drop of 0.010 (0.000 to 0.020)" in summary
    assert "What is faster drops too much: onnx int8 loses 0.070." in summary


def test_the_picture_is_of_correlations(scored_records: Scored) -> None:
    points = points_of(rows_of(session_of(scored_records)))
    assert [point.quality.value for point in points] == pytest.approx([0.80, 0.86, 0.87])


def test_one_axis_has_one_measure(scored_records: Scored, session_records: Scored) -> None:
    mixed = rows_of(session_of([*scored_records, *session_records]))
    assert len(points_of(mixed)) == len(scored_records)


def test_only_columns_that_are_used_are_explained(scored_records: Scored, session_records: Scored) -> None:
    of_scores, of_labels = (view_of(session_of(records)) for records in (scored_records, session_records))
    titles = {column.heading for column in legend_of([of_scores])}
    assert "RMSE (95 %)" in titles
    assert "Accuracy (%, 95 %)" not in titles
    assert titles < {column.heading for column in legend_of([of_scores, of_labels])}
    assert "none: the answer is a score" in markdown.render([of_scores], [""])


def test_the_rows_of_programs_leave_out_other_tasks(
    scored_records: Scored, folder_of: Callable[[Sequence[Record]], Path], tmp_path: Path
) -> None:
    out = tmp_path / "report.html"
    done = CliRunner().invoke(app, ["report", str(folder_of(scored_records)), "--out", str(out), "--json"])
    row = json.loads(done.stdout)["sessions"][0]["rows"][1]
    assert row["pearson"] == {"value": 0.86, "low": 0.85, "high": 0.87}
    assert "accuracy" not in row
    assert row["missing"] == {}
    assert "Pearson correlation against latency" in out.read_text(encoding="utf-8")

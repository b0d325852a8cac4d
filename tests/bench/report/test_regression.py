"""A regression in the report: correlations instead of accuracies."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bench.record import Record
from bench.report import markdown, pareto
from bench.report.pareto import front, points_of
from bench.report.read import Session, read_sessions
from bench.report.row import Missing, rows_of
from bench.report.view import legend_of, view_of
from infer.metrics.metric import Interval
from tinybert_edge.cli import app

Scored = tuple[Record, ...]


def session_of(records: Sequence[Record]) -> Session:
    first = records[0]
    return Session(
        target=first.target, name=first.session, machine=first.machine, teacher=first, records=tuple(records)
    )


def test_a_row_has_the_metrics_of_its_task(scored_records: Scored) -> None:
    teacher, artifact, _ = rows_of(session_of(scored_records))
    assert artifact.main_quality == artifact.quality["pearson"] == Interval(value=0.86, low=0.85, high=0.87)
    assert artifact.drop == Interval(value=0.01, low=0.0, high=0.02)
    assert (artifact.agreement_teacher, artifact.agreement_student) == (0.95, 0.999)
    assert list(artifact.quality) == ["pearson", "spearman", "rmse"]
    for name in ("drop", "agreement_teacher", "agreement_student"):
        assert isinstance(getattr(teacher, name), Missing)


def test_the_summary_is_in_correlations(scored_records: Scored) -> None:
    summary = view_of(session_of(scored_records)).summary
    assert "within 0.030 of the teacher (Pearson, the budget of raspberry-pi-5)" in summary
    assert "is onnx fp32: a median of 4.00 ms" in summary
    assert "Pearson 0.860, a drop of 0.010 (0.000 to 0.020)" in summary
    assert "Faster variants drop too much: onnx int8 loses 0.070." in summary


def test_the_picture_shows_correlations(scored_records: Scored) -> None:
    points = points_of(rows_of(session_of(scored_records)))
    assert [point.quality.value for point in points] == pytest.approx([0.80, 0.86, 0.87])


def test_a_lower_error_is_better(scored_records: Scored) -> None:
    errors = (0.5, 0.6, 0.7)
    records = [
        record.model_copy(
            update={
                "metric": "rmse",
                "quality": {**(record.quality or {}), "rmse": Interval(value=error, low=error - 0.1, high=error + 0.1)},
            }
        )
        for record, error in zip(scored_records, errors, strict=True)
    ]
    rows = rows_of(session_of(records))
    assert [point.quality.value for point in points_of(rows)] == [0.7, 0.6, 0.5]
    assert front(points_of(rows)) == points_of(rows)
    picture = pareto.chart(rows)
    assert picture is not None
    axis = picture.to_dict()["layer"][1]["encoding"]["y"]
    assert (axis["title"], axis["scale"]["reverse"]) == ("RMSE with 95 % interval", True)
    assert "within 0.020 of the teacher (RMSE, a general limit" in view_of(session_of(records)).summary


def test_a_table_has_one_metric(
    scored_records: Scored, session_records: Scored, folder_of: Callable[[Sequence[Record]], Path]
) -> None:
    by_f1 = [
        record.model_copy(update={"metric": "f1_binary", "model_sha256": record.model_sha256[::-1]})
        for record in session_records
        if record.kind == "artifact"
    ]
    by_pearson = [
        record.model_copy(update={"model_sha256": str(index) * 64}) for index, record in enumerate(scored_records)
    ]
    sessions = read_sessions([folder_of([*by_pearson, *session_records, *by_f1])])
    assert sorted((session.metric.name, len(session.records)) for session in sessions) == [
        ("accuracy", len(session_records)),
        ("f1_binary", 1 + len(by_f1)),
        ("pearson", len(scored_records)),
    ]
    assert all(session.teacher is session.records[0] for session in sessions)


def test_only_columns_that_are_used_are_explained(scored_records: Scored, session_records: Scored) -> None:
    of_scores, of_labels = (view_of(session_of(records)) for records in (scored_records, session_records))
    titles = {column.heading for column in legend_of([of_scores])}
    assert "RMSE (95 %)" in titles
    assert "Accuracy (%, 95 %)" not in titles
    assert titles < {column.heading for column in legend_of([of_scores, of_labels])}
    assert "none: the task is to give a score" in markdown.render([of_scores], [""])


def test_json_rows_leave_out_other_tasks(
    scored_records: Scored, folder_of: Callable[[Sequence[Record]], Path], tmp_path: Path
) -> None:
    out = tmp_path / "report.html"
    done = CliRunner().invoke(app, ["report", str(folder_of(scored_records)), "--out", str(out), "--json"])
    row = json.loads(done.stdout)["sessions"][0]["rows"][1]
    assert row["quality"]["pearson"] == {"value": 0.86, "low": 0.85, "high": 0.87}
    assert "accuracy" not in row["quality"]
    assert row["missing"] == {}
    assert "Pearson against latency" in out.read_text(encoding="utf-8")

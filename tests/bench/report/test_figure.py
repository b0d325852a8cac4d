import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import vl_convert

from bench.record import Record
from bench.report import distribution, pareto
from bench.report.figure import write_svg
from bench.report.pareto import front, points_of
from bench.report.read import Session
from bench.report.row import Row, rows_of

MakeRecord = Callable[..., Record]
SVG = "{http://www.w3.org/2000/svg}"


def rows_for(records: tuple[Record, ...]) -> tuple[Row, ...]:
    first = records[0]
    teacher = next((record for record in records if record.kind == "teacher"), None)
    return rows_of(
        Session(target=first.target, name=first.session, machine=first.machine, teacher=teacher, records=records)
    )


def charts_of(records: tuple[Record, ...]) -> Iterator[Any]:
    rows = rows_for(records)
    yield pareto.chart(rows)
    yield distribution.chart(rows, records)


def texts_of(chart: Any) -> list[str]:
    """Return the texts in the picture, with line breaks."""
    picture = ElementTree.fromstring(vl_convert.vegalite_to_svg(chart.to_dict()))
    return ["\n".join(text.itertext()) for text in picture.iter(f"{SVG}text")]


def test_each_model_is_named(session_records: tuple[Record, ...]) -> None:
    rows = rows_for(session_records)
    for chart in charts_of(session_records):
        texts = texts_of(chart)
        assert all(row.model in texts for row in rows)


def test_each_model_has_its_percentiles(session_records: tuple[Record, ...]) -> None:
    rows = rows_for(session_records)
    texts = texts_of(distribution.chart(rows, session_records))
    numbers = [text.split("\n") for text in texts if text.startswith("p50 ")]
    assert len(numbers) == len(rows)
    assert all(p90.startswith("p90 ") for _, p90 in numbers)


def test_the_tooltip_of_a_model_has_its_row(session_records: tuple[Record, ...]) -> None:
    marks = vl_convert.vegalite_to_svg(next(charts_of(session_records)).to_dict())
    assert "Model: openvino int8; Latency p50 (ms): 2." in marks
    assert "; Accuracy (%, 95 %): 88.0 (80.2 to 93.0); " in marks
    assert marks.count('; Validity: valid"') == len(session_records)


def test_a_degraded_measurement_is_fainter(make_record: MakeRecord) -> None:
    degraded = make_record(validity="degraded", causes=("hot",), latency_ns=9_000_000)
    drawn = vl_convert.vegalite_to_svg(next(charts_of((make_record(), degraded))).to_dict())
    marks = [mark for mark in ElementTree.fromstring(drawn).iter() if mark.get("aria-roledescription") == "point"]
    assert [mark.get("opacity") for mark in marks] == ["1", "0.55"]


def test_the_front_is_what_nothing_beats(session_records: tuple[Record, ...]) -> None:
    points = points_of(rows_for(session_records))
    best = front(points)
    assert [point.row.model for point in best] == ["openvino int8", "openvino fp32", "teacher (pytorch)"]
    for point in points:
        assert any(
            other.latency_ms <= point.latency_ms and other.quality.value >= point.quality.value for other in best
        )
    values = next(charts_of(session_records)).to_dict()["data"]["values"]
    assert [value["model"] for value in values if value["front"]] == [point.row.model for point in best]


def test_the_same_rows_give_the_same_bytes(session_records: tuple[Record, ...], tmp_path: Path) -> None:
    for first, second in zip(charts_of(session_records), charts_of(session_records), strict=True):
        assert first.to_json() == second.to_json()
        for name, chart in (("first.svg", first), ("second.svg", second)):
            write_svg(chart, tmp_path / name)
        assert (tmp_path / "first.svg").read_bytes() == (tmp_path / "second.svg").read_bytes()


def test_records_without_usable_speed_are_not_drawn(make_record: MakeRecord) -> None:
    records = (make_record(validity="invalid", causes=("throttled",)),)
    assert list(charts_of(records)) == [None, None]


@pytest.mark.parametrize("name", ["$x^2$", "<b>&\"'", "模型", "--> </svg>", "a\nb", "a.b[0]"])
def test_any_name_can_be_drawn(name: str, make_record: MakeRecord) -> None:
    records = (make_record(name=name), make_record(name="plain", latency_ns=9_000_000))
    for chart in charts_of(records):
        assert f"{name}: onnx fp32" in texts_of(chart)


@pytest.mark.parametrize("count", [1, 2])
def test_few_and_equal_points_are_drawn(count: int, make_record: MakeRecord) -> None:
    records = tuple(make_record(model_sha256=f"{index}" * 64) for index in range(count))
    for chart in charts_of(records):
        drawn = vl_convert.vegalite_to_svg(chart.to_dict())
        assert "NaN" not in drawn

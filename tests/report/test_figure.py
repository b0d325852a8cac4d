import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from pathlib import Path

import pytest

from bench.record import Record
from bench.report.figure import latency_svg, pareto_svg, write_pareto
from bench.report.pareto import front, points_of
from bench.report.read import Session
from bench.report.table import Row, rows_of
from contract.errors import InputError

MakeRecord = Callable[..., Record]


def rows_for(records: tuple[Record, ...]) -> tuple[Row, ...]:
    first = records[0]
    teacher = next((record for record in records if record.kind == "teacher"), None)
    return rows_of(
        Session(target=first.target, name=first.session, machine=first.machine, teacher=teacher, records=records)
    )


def texts_of(svg: str) -> list[str]:
    return [text.text or "" for text in ElementTree.fromstring(svg.replace("xlink:", "")).iter("text")]


def test_each_model_is_named_at_its_point(session_records: tuple[Record, ...]) -> None:
    rows = rows_for(session_records)
    texts = texts_of(pareto_svg(rows, "p"))
    assert all(row.model in texts for row in rows)


def test_each_model_has_its_strip(session_records: tuple[Record, ...]) -> None:
    rows = rows_for(session_records)
    texts = texts_of(latency_svg(rows, session_records, "l"))
    assert all(row.model in texts for row in rows)
    assert sum(text.startswith("p50 ") for text in texts) == len(rows)
    assert sum(text.startswith("p90 ") for text in texts) == len(rows)


def test_the_front_is_what_nothing_beats(session_records: tuple[Record, ...]) -> None:
    points = points_of(rows_for(session_records))
    best = front(points)
    assert [point.row.model for point in best] == ["openvino int8", "openvino fp32", "teacher (pytorch)"]
    for point in points:
        assert any(one.latency_ms <= point.latency_ms and one.quality.value >= point.quality.value for one in best)


def test_the_same_rows_give_the_same_bytes(session_records: tuple[Record, ...], tmp_path: Path) -> None:
    rows = rows_for(session_records)
    assert pareto_svg(rows, "p") == pareto_svg(rows, "p")
    assert latency_svg(rows, session_records, "l") == latency_svg(rows, session_records, "l")
    for name in ("pareto.svg", "pareto.png"):
        written = []
        for _ in range(2):
            assert write_pareto(rows, tmp_path / name)
            written.append((tmp_path / name).read_bytes())
        assert written[0] == written[1]


def test_two_pictures_of_a_page_share_no_identifier(session_records: tuple[Record, ...]) -> None:
    rows = rows_for(session_records)
    one, other = pareto_svg(rows, "a"), pareto_svg(rows, "b")
    names = [set(re.findall(r'\bid="([^"]*)"', svg)) for svg in (one, other)]
    assert names[0]
    assert not names[0] & names[1]
    used = set(re.findall(r'(?:href="|url\()#([^")]*)', one))
    assert used <= names[0]


def test_what_may_show_no_speed_is_not_drawn(make_record: MakeRecord, tmp_path: Path) -> None:
    records = (make_record(validity="invalid", causes=("throttled",)),)
    rows = rows_for(records)
    assert pareto_svg(rows, "p") == ""
    assert latency_svg(rows, records, "l") == ""
    assert not write_pareto(rows, tmp_path / "pareto.svg")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["$x^2$", "<b>&\"'", "模型", "--> </svg>", "a\nb"])
def test_any_name_can_be_drawn(name: str, make_record: MakeRecord) -> None:
    records = (make_record(name=name), make_record(name="plain", latency_ns=9_000_000))
    rows = rows_for(records)
    shown = " ".join(texts_of(pareto_svg(rows, "p")))
    assert all(part in shown for part in name.split("\n"))
    assert texts_of(latency_svg(rows, records, "l"))


@pytest.mark.parametrize("count", [1, 2])
def test_few_and_equal_points_are_drawn(count: int, make_record: MakeRecord) -> None:
    records = tuple(make_record(model_sha256=f"{place}" * 64) for place in range(count))
    rows = rows_for(records)
    assert pareto_svg(rows, "p")
    assert latency_svg(rows, records, "l")


def test_a_picture_has_a_known_ending(make_record: MakeRecord, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"\.svg or \.png"):
        write_pareto(rows_for((make_record(),)), tmp_path / "pareto.gif")

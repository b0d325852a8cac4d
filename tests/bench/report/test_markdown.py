from hypothesis import given
from hypothesis import strategies as st

from bench.record import Record
from bench.report import markdown
from bench.report.read import Session
from bench.report.view import view_of

HOSTILE = "<script>alert(1)</script>|`::error file=x`\n::error::no\r\n# *bold* [x](y)"


def session_of(records: tuple[Record, ...]) -> Session:
    first = records[0]
    return Session(target=first.target, name="s", machine=first.machine, teacher=first, records=records)


def test_the_table_has_a_line_for_each_record(session_records: tuple[Record, ...]) -> None:
    view = view_of(session_of(session_records))
    lines = [line for line in markdown.results(view).splitlines() if line.startswith("|")]
    assert len(lines) == 2 + len(session_records)
    assert len({line.count("|") for line in lines}) == 1
    assert "Latency p50 (ms)" in lines[0]
    assert view.summary.split(".")[0] in markdown.results(view)


def test_a_hostile_name_stays_text(session_records: tuple[Record, ...]) -> None:
    records = tuple(record.model_copy(update={"name": HOSTILE, "target": HOSTILE}) for record in session_records)
    text = markdown.render([view_of(session_of(records))], ["pareto.svg"])
    assert "<script" not in text
    assert not any(line.lstrip().startswith("::") for line in text.splitlines())
    assert "\\|\\`::error file=x\\`" in text


@given(st.text())
def test_escaped_text_is_one_line_without_markup(text: str) -> None:
    line = markdown.escape(text)
    assert len(line.splitlines()) <= 1
    assert not {"<", ">"} & set(line)
    bare = line.replace("\\\\", "")
    assert all(bare[index - 1 : index] == "\\" for index, character in enumerate(bare) if character in "|`*_[]~")

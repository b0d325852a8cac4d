"""What too little was measured of gets no number and no recommendation, and never an error."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bench.record import Record
from bench.report.json_rows import render
from bench.report.read import read_sessions
from bench.report.row import rows_of
from bench.report.view import view_of

MakeRecord = Callable[..., Record]
FolderOf = Callable[[Sequence[Record]], Path]
INVALID = {"validity": "invalid", "causes": ("throttled",)}
VALIDITIES = st.lists(st.sampled_from(["valid", "degraded", "invalid"]), min_size=1, max_size=6)


def with_blocks(record: Record, validities: Sequence[str]) -> Record:
    blocks = zip(record.blocks, validities, strict=False)
    changed = tuple(block.model_copy(update={"validity": validity}) for block, validity in blocks)
    return record.model_copy(update={"blocks": changed})


@pytest.mark.parametrize(
    ("teacher", "artifact", "reason"),
    [
        (None, {}, "the session has no teacher to compare with"),
        ({"blocks": 1}, {"blocks": 1}, "too few pairs of usable blocks with the teacher"),
        ({"blocks": 8}, {"blocks": 2}, "too few pairs of usable blocks with the teacher"),
        ({"samples": 3}, {"samples": 4}, "too few pairs of usable blocks with the teacher"),
        ({"session": "of-yesterday"}, {}, "the session has no teacher to compare with"),
        ({"target": "raspberry-pi-4"}, {}, "the session has no teacher to compare with"),
        ({"kernel": "another"}, {}, "the session has no teacher to compare with"),
        (INVALID, {}, "the teacher's times are not usable (invalid: throttled)"),
        ({}, INVALID, "invalid: throttled"),
    ],
    ids=str,
)
def test_a_speed_up_without_what_it_needs_is_left_out_with_its_reason(
    make_record: MakeRecord,
    folder_of: FolderOf,
    teacher: dict[str, Any] | None,
    artifact: dict[str, Any],
    reason: str,
) -> None:
    records = [make_record(**artifact)]
    if teacher is not None:
        made = make_record(kind="teacher", latency_ns=20_000_000, drop=None, **without_kernel(teacher))
        machine = made.machine.model_copy(update={"kernel": teacher.get("kernel", made.machine.kernel)})
        records.append(made.model_copy(update={"machine": machine}))
    views = [view_of(session) for session in read_sessions([folder_of(records)])]
    rows = [row for session in json.loads(render(views, Path("page.html")))["sessions"] for row in session["rows"]]
    (row,) = [row for row in rows if row["kind"] == "artifact"]
    assert row["speed_up"] is None
    assert row["missing"]["speed_up"] == reason


def without_kernel(changes: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in changes.items() if key != "kernel"}


@pytest.mark.parametrize("blocks", [1, 2])
def test_too_few_samples_recommend_nothing(make_record: MakeRecord, folder_of: FolderOf, blocks: int) -> None:
    records = [make_record(blocks=blocks, samples=3, drop=None), make_record(kind="teacher", blocks=blocks, samples=3)]
    (session,) = read_sessions([folder_of(records)])
    view = view_of(session)
    assert view.results.best is None
    assert "The fastest variant" not in view.summary


@given(VALIDITIES, VALIDITIES, st.integers(1, 12), st.sampled_from([0.0, 0.5]))
@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_is_usable_gives_a_number_or_a_reason(
    make_record: MakeRecord, of_teacher: list[str], of_artifact: list[str], samples: int, spread: float
) -> None:
    made = {"samples": samples, "spread": spread}
    records = [
        with_blocks(make_record(kind="teacher", drop=None, **made), of_teacher),
        with_blocks(make_record(**made), of_artifact),
    ]
    (session,) = sessions_of(records)
    view = view_of(session)
    row = rows_of(session)[-1]
    pairs = sum("invalid" not in pair for pair in zip(of_teacher, of_artifact, strict=False))
    assert hasattr(row.speed_up, "reason") == (pairs < 3)
    if not hasattr(row.speed_up, "reason"):
        assert 0 < row.speed_up.low <= row.speed_up.value <= row.speed_up.high
        assert spread or row.speed_up.low == row.speed_up.high  # all samples are equal
    usable = samples * sum(validity != "invalid" for validity in of_artifact)
    assert hasattr(row.latency_p50_ns, "reason") == (usable < 8)
    assert view.summary


def sessions_of(records: Sequence[Record]) -> Any:
    from bench.report.read import _sessions

    return _sessions(records)

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from bench.record import Machine, Record
from bench.report.read import read_sessions
from contract.errors import InputError

FolderOf = Callable[[Sequence[Record]], Path]
MakeRecord = Callable[..., Record]


def test_a_folder_is_searched_with_its_subfolders(folder_of: FolderOf, session_records: tuple[Record, ...]) -> None:
    folder = folder_of(session_records[:3])
    deeper = folder / "board" / "later"
    deeper.mkdir(parents=True)
    (deeper / "more.json").write_text(session_records[3].model_dump_json())
    hidden = folder / ".half.partial-1"
    hidden.mkdir()
    (hidden / "record.json").write_text("{")
    (session,) = read_sessions([folder])
    assert [record.label for record in session.records] == [
        "teacher (pytorch)",
        "student (pytorch)",
        "onnx fp32",
        "onnx int8",
    ]
    assert session.teacher == session_records[0]


def test_a_file_may_be_named(folder_of: FolderOf, session_records: tuple[Record, ...]) -> None:
    folder = folder_of(session_records[:2])
    (session,) = read_sessions([folder / "1.json"])
    assert [record.kind for record in session.records] == ["student"]


def test_a_folder_without_records_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no records in .*tinybert bench"):
        read_sessions([tmp_path])


def test_a_missing_path_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nowhere: no such file or folder.*tinybert bench"):
        read_sessions([tmp_path / "nowhere"])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "cannot be read as JSON"),
        ("[]", "other.json"),
        ('{"schema_version": 1}', "missing key"),
        ("", "cannot be read as JSON"),
    ],
)
def test_a_json_file_that_is_not_a_record_is_named(
    text: str, message: str, folder_of: FolderOf, session_records: tuple[Record, ...]
) -> None:
    folder = folder_of(session_records)
    (folder / "other.json").write_text(text)
    with pytest.raises(InputError, match=message) as caught:
        read_sessions([folder])
    assert "other.json" in str(caught.value)


def test_an_invalid_time_is_named(folder_of: FolderOf, make_record: MakeRecord) -> None:
    folder = folder_of([make_record(measured_at="yesterday")])
    with pytest.raises(InputError, match=r"0\.json: 'measured_at': 'yesterday'"):
        read_sessions([folder])


def test_the_newest_record_of_a_model_on_a_machine_is_shown(folder_of: FolderOf, make_record: MakeRecord) -> None:
    old = make_record(measured_at="2026-11-24T12:00:00+02:00", threads=1)
    new = make_record(measured_at="2026-11-24T10:30:00Z", threads=2)
    (session,) = read_sessions([folder_of([new, old])])
    assert [record.threads for record in session.records] == [2]


def test_other_machines_keep_their_records(folder_of: FolderOf, make_record: MakeRecord, teacher: Record) -> None:
    machine: Machine = teacher.machine.model_copy(update={"model": "Other Board"})
    sessions = read_sessions([folder_of([make_record(), make_record(machine=machine)])])
    assert sorted(session.machine.model for session in sessions) == ["Other Board", "Test Board"]


def test_a_teacher_stays_with_the_records_of_its_session(
    folder_of: FolderOf, make_record: MakeRecord, teacher: Record
) -> None:
    again = teacher.model_copy(update={"session": "session-2", "measured_at": "2026-11-25T10:00:00+00:00"})
    sessions = read_sessions([folder_of([teacher, make_record(), again])])
    assert [session.name for session in sessions] == ["session-2", "session-1"]
    assert [record.kind for record in sessions[1].records] == ["teacher", "artifact"]


def test_a_session_with_only_old_records_is_not_shown(folder_of: FolderOf, session_records: tuple[Record, ...]) -> None:
    later = {"session": "session-2", "measured_at": "2026-11-25T10:00:00+00:00"}
    again = [record.model_copy(update=later) for record in session_records]
    (session,) = read_sessions([folder_of([*session_records, *again])])
    assert session.name == "session-2"

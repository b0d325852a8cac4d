"""Read records from files and folders, and group those that may be compared for speed."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from bench.record import Machine, Record, read_record
from contract.errors import InputError
from infer import tasks
from infer.metrics.metric import Metric

KIND_ORDER = ("teacher", "student", "artifact")


@dataclass(frozen=True, kw_only=True, slots=True)
class Session:
    """Records from one session for one target on one machine, with one main metric.

    Attributes:
        name: the session's identifier.
        teacher: the reference for speed-ups, if the session measured a teacher.
        records: the records to show: teacher, PyTorch student, then the artifacts by name, runtime and precision.
    """

    target: str
    name: str
    machine: Machine
    teacher: Record | None
    records: tuple[Record, ...]

    @property
    def metric(self) -> Metric:
        """The main metric: that of the student's recipe, if any, as a teacher has no recipe."""
        record = next((record for record in self.records if record.kind != "teacher"), self.records[0])
        return tasks.metric(record.task.kind, record.metric)


def read_sessions(paths: Sequence[Path]) -> tuple[Session, ...]:
    """Read all records in some paths, newest session first.

    Only the newest record of a model on a machine is shown. A session's teacher is shown, however old, as long as
    another record of the session is. Models with different main metrics are shown separately, as a table has one.

    Args:
        paths: record files, or folders, which are searched with all subfolders; hidden folders are unfinished and
            skipped.

    Raises:
        InputError: a path does not exist, a JSON file is not a record, or there are no records.
    """
    records = [record for path in paths for record in _read(path)]
    if not records:
        where = ", ".join(map(str, paths)) or "nowhere"
        raise InputError(f"no records in {where}", "measure an artifact first: tinybert bench ARTIFACT")
    return _sessions(records)


def _read(path: Path) -> Iterator[Record]:
    if not path.exists():
        raise InputError(
            f"{path}: no such file or folder",
            "name a folder of records, or measure an artifact: tinybert bench ARTIFACT",
        )
    for file in record_files(path):
        record = _record(file)
        _instant(record.measured_at, file)
        yield record


def _record(file: Path) -> Record:
    try:
        return read_record(file)
    except InputError as error:
        raise InputError(f"not a record: {error}", "name a folder with records only, such as RUN/results") from error


def record_files(path: Path) -> list[Path]:
    """Return a record file, or all files in a folder that should be records."""
    if path.is_file():
        return [path]
    files = (file for file in path.rglob("*.json") if file.is_file())
    return sorted(file for file in files if not _is_hidden(file.relative_to(path)))


def _is_hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def _instant(text: str, source: object) -> datetime:
    try:
        instant = datetime.fromisoformat(text)
    except ValueError as error:
        raise InputError(f"{source}: 'measured_at': {text!r} is not an ISO 8601 time") from error
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)


def _sessions(records: Sequence[Record]) -> tuple[Session, ...]:
    groups: defaultdict[tuple[str, str, Machine, str], list[Record]] = defaultdict(list)
    for record in records:
        groups[record.target, record.session, record.machine, record.task.kind].append(record)
    newest = _newest(records)
    sessions = [_session(part, newest) for group in groups.values() for part in _by_metric(group)]
    shown = [session for session in sessions if session.records]
    shown.sort(key=lambda session: (session.target, session.name, session.machine.label))
    shown.sort(key=lambda session: max(map(_measured_at, session.records)), reverse=True)
    return tuple(shown)


def _measured_at(record: Record) -> datetime:
    return _instant(record.measured_at, record.label)


def _newest(records: Sequence[Record]) -> list[Record]:
    newest: dict[tuple[str, str, Machine], Record] = {}
    for record in sorted(records, key=_measured_at):
        newest[record.model_sha256, record.target, record.machine] = record
    return list(newest.values())


def _by_metric(group: Sequence[Record]) -> Iterator[list[Record]]:
    """Yield the records of each main metric, always with the teacher."""
    teachers = [record for record in group if record.kind == "teacher"]
    others = [record for record in group if record.kind != "teacher"]
    for metric in dict.fromkeys(record.metric for record in others or teachers):
        yield [*teachers, *(record for record in others if record.metric == metric)]


def _session(group: Sequence[Record], newest: Sequence[Record]) -> Session:
    shown = [record for record in newest if any(record is member for member in group)]
    teachers = sorted((record for record in group if record.kind == "teacher"), key=_measured_at)
    teacher = teachers[-1] if teachers else None
    if shown and teacher and not any(record is teacher for record in shown):
        shown.append(teacher)
    first = group[0]
    return Session(
        target=first.target,
        name=first.session,
        machine=first.machine,
        teacher=teacher,
        records=tuple(sorted(shown, key=_order)),
    )


def _order(record: Record) -> tuple[int, str, str, str, str]:
    return KIND_ORDER.index(record.kind), record.name, record.runtime, record.precision, record.model_sha256

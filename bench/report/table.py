"""The table: one row for each record, with every number a reader sees, or why there is none."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from bench.latency import percentile, speed_up
from bench.record import Accuracy, Correlation, Record
from bench.report import score
from bench.report.read import Session
from bench.report.score import Interval

Value = TypeVar("Value")
Judged = TypeVar("Judged", Accuracy, Correlation)


@dataclass(frozen=True, kw_only=True, slots=True)
class Absent:
    """A number that cannot be given, and why."""

    reason: str


REGRESSION = "regression"
REFERENCE = Absent(reason="the teacher is what the others are compared with")


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """What the report says of one record.

    Attributes:
        model: label, unlike any other in its session.
        runtime: with its version.
        latency_p50_ns, latency_p90_ns: percentiles of all steady samples.
        speed_up: how many times as fast as the teacher of the session.
        accuracy_drop: the teacher's accuracy minus this one's, a share.
        agreement_teacher, agreement_student: shares of the sentences.
        pearson, pearson_drop, pearson_teacher, pearson_student, spearman, rmse: of a regression.
        device: the machine in a few words.
        causes: why the record is degraded or invalid.
    """

    model: str
    name: str
    task: str
    kind: str
    runtime: str
    precision: str
    latency_p50_ns: float | Absent
    latency_p90_ns: float | Absent
    speed_up: Interval | Absent
    size_bytes: int
    peak_memory_bytes: int | Absent
    accuracy: Interval | Absent
    f1_macro: float | Absent
    matthews: float | Absent
    accuracy_drop: Interval | Absent
    agreement_teacher: float | Absent
    agreement_student: float | Absent
    pearson: Interval | Absent
    pearson_drop: Interval | Absent
    pearson_teacher: float | Absent
    pearson_student: float | Absent
    spearman: Interval | Absent
    rmse: Interval | Absent
    device: str
    model_sha256: str
    validity: str
    causes: tuple[str, ...]

    @property
    def quality(self) -> Interval | Absent:
        """How right it is, in the measure of its task."""
        return self.pearson if self.task == REGRESSION else self.accuracy

    @property
    def drop(self) -> Interval | Absent:
        """How much less right than the teacher it is, in the same measure."""
        return self.pearson_drop if self.task == REGRESSION else self.accuracy_drop

    @property
    def verdict(self) -> str:
        """Validity with its causes."""
        return f"{self.validity}: {'; '.join(self.causes)}" if self.causes else self.validity


def rows_of(session: Session) -> tuple[Row, ...]:
    """Return a row for each record of a session, in the same order."""
    labels = _labels(session.records)
    return tuple(_row(record, label, session.teacher) for record, label in zip(session.records, labels, strict=True))


def why_no_speed(record: Record) -> str:
    """Return why a record's times must not be shown; nothing if they may."""
    if record.machine.emulated:
        return "an emulated machine tells nothing of speed and memory"
    if record.validity == "invalid":
        return "invalid: " + ("; ".join(record.causes) or "no cause was recorded")
    return ""


def _row(record: Record, label: str, teacher: Record | None) -> Row:
    return Row(
        model=label,
        name=record.name,
        task=record.task,
        kind=record.kind,
        runtime=f"{record.runtime} {record.runtime_version}",
        precision=record.precision,
        latency_p50_ns=_latency(record, 50),
        latency_p90_ns=_latency(record, 90),
        speed_up=_speed_up(record, teacher),
        size_bytes=record.size_bytes,
        peak_memory_bytes=_peak_memory(record),
        accuracy=_judged(record, Accuracy, score.accuracy),
        f1_macro=_judged(record, Accuracy, score.f1_macro),
        matthews=_judged(record, Accuracy, score.matthews),
        accuracy_drop=_compared(record, Accuracy, score.accuracy_drop),
        agreement_teacher=_compared(record, Accuracy, lambda counts: counts.agrees_with_teacher / counts.total),
        agreement_student=_beside_student(
            record, Accuracy, lambda counts: _share(counts.agrees_with_student, counts.total)
        ),
        pearson=_judged(record, Correlation, lambda found: score.interval(found.pearson)),
        pearson_drop=_compared(record, Correlation, lambda found: score.interval(found.pearson_drop)),
        pearson_teacher=_compared(record, Correlation, lambda found: found.pearson_teacher),
        pearson_student=_beside_student(record, Correlation, lambda found: found.pearson_student),
        spearman=_judged(record, Correlation, lambda found: score.interval(found.spearman)),
        rmse=_judged(record, Correlation, lambda found: score.interval(found.rmse)),
        device=record.machine.label,
        model_sha256=record.model_sha256,
        validity=record.validity,
        causes=record.causes,
    )


def _labels(records: Sequence[Record]) -> list[str]:
    labels = [record.label for record in records]
    if len({record.name for record in records}) > 1:
        labels = [f"{record.name}: {label}" for record, label in zip(records, labels, strict=True)]
    count = Counter(labels)
    return [
        f"{label} #{record.model_sha256[:6]}" if count[label] > 1 else label
        for record, label in zip(records, labels, strict=True)
    ]


def _latency(record: Record, percent: int) -> float | Absent:
    if reason := why_no_speed(record):
        return Absent(reason=reason)
    value = percentile(record.infer_ns, percent)
    if value is None:
        return Absent(reason=f"{len(record.infer_ns)} samples are too few for the percentile {percent}")
    return value


def _speed_up(record: Record, teacher: Record | None) -> Interval | Absent:
    if record.kind == "teacher":
        return REFERENCE
    if teacher is None:
        return Absent(reason="the session measured no teacher to compare with")
    if reason := why_no_speed(record):
        return Absent(reason=reason)
    if reason := why_no_speed(teacher):
        return Absent(reason=f"the teacher's times are not usable ({reason})")
    ratio = speed_up(teacher, record)
    if ratio is None:
        return Absent(reason="too few blocks are usable beside the teacher's")
    return Interval(value=ratio.value, low=ratio.low, high=ratio.high)


def _peak_memory(record: Record) -> int | Absent:
    if record.machine.emulated:
        return Absent(reason=why_no_speed(record))
    return record.memory.peak_bytes


def _judged(record: Record, kind: type[Judged], judge: Callable[[Judged], Value]) -> Value | Absent:
    if record.judged is None:
        return Absent(reason="its outputs were not judged: the labels were not at hand")
    if record.judged.total == 0:
        return Absent(reason="no sentence was judged")
    if not isinstance(record.judged, kind):
        return Absent(reason="the number is of another kind of task")
    return judge(record.judged)


def _compared(record: Record, kind: type[Judged], judge: Callable[[Judged], Value]) -> Value | Absent:
    return REFERENCE if record.kind == "teacher" else _judged(record, kind, judge)


def _beside_student(record: Record, kind: type[Judged], judge: Callable[[Judged], float | None]) -> float | Absent:
    if record.kind == "teacher":
        return Absent(reason="the teacher is no copy of the student")
    value = _judged(record, kind, judge)
    return Absent(reason="the PyTorch student's outputs were not at hand") if value is None else value


def _share(count: int | None, total: int) -> float | None:
    return None if count is None else count / total

"""A row of the report: every number of one record that a reader sees, or why it is missing."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from bench.latency import percentile, speed_up
from bench.record import Record
from bench.report.read import Session
from infer import tasks
from infer.metrics.metric import Interval, Metric, is_better


@dataclass(frozen=True, kw_only=True, slots=True)
class Missing:
    """A number that cannot be given, and why."""

    reason: str


REFERENCE = Missing(reason="the teacher is the model that the others are compared with")
UNJUDGED = Missing(reason="not judged: there were no labels")


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One record as the report shows it.

    Attributes:
        model: label, unique in its session.
        runtime: runtime with its version.
        latency_p50_ns, latency_p90_ns: percentiles of all steady-state samples.
        speed_up: how many times as fast as the teacher of the session.
        metric: name of the session's main metric.
        quality: every metric of the task, by name.
        drop: how much worse than the teacher, in the main metric.
        constant: the main metric of always giving the same answer; None in records of earlier versions.
        agreement_teacher, agreement_student: shares of the sentences.
        device: short description of the machine.
        causes: why the record is degraded or invalid.
    """

    model: str
    name: str
    task: str
    kind: str
    runtime: str
    precision: str
    latency_p50_ns: float | Missing
    latency_p90_ns: float | Missing
    speed_up: Interval | Missing
    size_bytes: int
    peak_memory_bytes: int | Missing
    metric: str
    quality: dict[str, Interval | Missing]
    drop: Interval | Missing
    constant: float | None
    agreement_teacher: float | Missing
    agreement_student: float | Missing
    device: str
    model_sha256: str
    validity: str
    causes: tuple[str, ...]

    @property
    def main_metric(self) -> Metric:
        """The session's main metric."""
        return tasks.metric(self.task, self.metric)

    @property
    def main_quality(self) -> Interval | Missing:
        """The quality in the main metric."""
        return self.quality[self.metric]

    @property
    def is_useful(self) -> bool:
        """Whether it is better than always giving the same answer, as far as is known."""
        if self.constant is None or isinstance(self.main_quality, Missing):
            return True
        return is_better(self.main_metric, self.main_quality, self.constant)

    @property
    def verdict(self) -> str:
        """Validity with its causes."""
        return f"{self.validity}: {'; '.join(self.causes)}" if self.causes else self.validity


def rows_of(session: Session) -> tuple[Row, ...]:
    """Return a row for each record of a session, in the same order."""
    labels = _labels(session.records)
    return tuple(_row(record, label, session) for record, label in zip(session.records, labels, strict=True))


def why_no_speed(record: Record) -> str:
    """Return why a record's times must not be shown; an empty text if they may."""
    if record.machine.emulated:
        return "speed and memory of an emulated machine mean nothing"
    if record.validity == "invalid":
        return "invalid: " + ("; ".join(record.causes) or "no cause was recorded")
    return ""


def _row(record: Record, label: str, session: Session) -> Row:
    return Row(
        model=label,
        name=record.name,
        task=record.task.kind,
        kind=record.kind,
        runtime=f"{record.runtime} {record.runtime_version}",
        precision=record.precision,
        latency_p50_ns=_latency(record, 50),
        latency_p90_ns=_latency(record, 90),
        speed_up=_speed_up(record, session.teacher),
        size_bytes=record.size_bytes,
        peak_memory_bytes=_peak_memory(record),
        metric=session.metric.name,
        quality={metric.name: _quality(record, metric) for metric in tasks.get(record.task.kind).METRICS},
        drop=_drop(record),
        constant=(record.constant or {}).get(session.metric.name),
        agreement_teacher=REFERENCE if record.kind == "teacher" else _agreement(record, "teacher"),
        agreement_student=_agreement(record, "student"),
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


def _latency(record: Record, percent: int) -> float | Missing:
    if reason := why_no_speed(record):
        return Missing(reason=reason)
    value = percentile(record.infer_ns, percent)
    if value is None:
        return Missing(reason=f"{len(record.infer_ns)} samples are too few for percentile {percent}")
    return value


def _speed_up(record: Record, teacher: Record | None) -> Interval | Missing:
    if record.kind == "teacher":
        return REFERENCE
    if teacher is None:
        return Missing(reason="the session has no teacher to compare with")
    if reason := why_no_speed(record):
        return Missing(reason=reason)
    if reason := why_no_speed(teacher):
        return Missing(reason=f"the teacher's times are not usable ({reason})")
    ratio = speed_up(teacher, record)
    if ratio is None:
        return Missing(reason="too few pairs of usable blocks with the teacher")
    return Interval(value=ratio.value, low=ratio.low, high=ratio.high)


def _peak_memory(record: Record) -> int | Missing:
    if record.machine.emulated:
        return Missing(reason=why_no_speed(record))
    return record.memory.peak_bytes


def _quality(record: Record, metric: Metric) -> Interval | Missing:
    if record.quality is None:
        return UNJUDGED
    return record.quality.get(metric.name) or Missing(reason=f"{metric.heading} is not defined for these labels")


def _drop(record: Record) -> Interval | Missing:
    if record.kind == "teacher":
        return REFERENCE
    return record.drop or UNJUDGED


def _agreement(record: Record, other: Literal["teacher", "student"]) -> float | Missing:
    if record.kind == "teacher":
        return Missing(reason="not applicable to the teacher")
    if record.quality is None:
        return UNJUDGED
    share = record.agreement.get(other)
    return Missing(reason=f"the record has no agreement with the {other}") if share is None else share

"""What a reader must know before trusting the quality of the models in a session."""

from collections.abc import Iterator, Sequence

from bench.record import Record
from bench.report.read import Session
from bench.report.row import Missing, Row
from infer.metrics.format import metric_interval
from infer.tasks import constant


def notes_of(session: Session, rows: Sequence[Row]) -> tuple[str, ...]:
    """Return the notes on a session, one sentence each.

    Args:
        session: the session.
        rows: its rows, in the order of its records.
    """
    values = dict.fromkeys(row.constant for row in rows if row.constant is not None)
    lines = [constant.describe(rows[0].task, session.metric.name, value) for value in values]
    lines = [f"{line[0].upper()}{line[1:]}" for line in lines]
    lines += filter(None, map(_describe_useless, rows))
    lines += _describe_overlap(session, rows)
    lines += _describe_interruptions(session)
    return tuple(f"{line}." for line in lines)


def _describe_useless(row: Row) -> str:
    if row.constant is None or isinstance(row.main_quality, Missing):
        return ""
    return constant.describe_no_better(row.model, row.task, row.metric, row.main_quality, row.constant)


def _describe_overlap(session: Session, rows: Sequence[Row]) -> Iterator[str]:
    """Give the main metric on the examples that were not trained on, for all models of a data set together."""
    by_split: dict[tuple[int, int | None], list[str]] = {}
    for row, record in zip(rows, session.records, strict=True):
        if record.overlap is not None:
            models = by_split.setdefault((record.overlap.examples, record.examples), [])
            models += _describe_others(row, record)
    for (overlap, examples), models in by_split.items():
        others = f"; on the other {(examples or 0) - overlap:,}: {', '.join(models)}" if models else ""
        yield f"{overlap:,} of the {examples:,} evaluation examples are also training examples{others}"


def _describe_interruptions(session: Session) -> Iterator[str]:
    times = max(record.interruptions for record in session.records)
    if times:
        often = "once" if times == 1 else f"{times} times"
        yield f"The session was interrupted {often} and went on; the blocks that are compared stood side by side"


def _describe_others(row: Row, record: Record) -> Iterator[str]:
    if record.overlap is not None and record.overlap.others is not None:
        yield f"{row.model} {metric_interval(row.main_metric, record.overlap.others)}"

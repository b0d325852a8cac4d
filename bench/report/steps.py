"""What a process goes through before its first steady inference, and how much was measured."""

from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

from bench.record import Block, Record
from bench.report.table import Absent, Row, why_no_speed


@dataclass(frozen=True, kw_only=True, slots=True)
class Steps:
    """Medians over the blocks of one record, its memory step by step, and its counts.

    Attributes:
        model: the label of its row.
        blocks: fresh processes that are not invalid.
        samples: steady samples in those blocks.
        settled: how many of those blocks settled during warm-up.
        threads_observed: the most threads any of them had.
    """

    model: str
    start_ns: float | Absent
    import_ns: float | Absent
    load_ns: float | Absent
    first_infer_ns: float | Absent
    tokenize_ns: float | Absent
    started_bytes: int | Absent
    imported_bytes: int | Absent
    loaded_bytes: int | Absent
    peak_memory_bytes: int | Absent
    blocks: int
    samples: int
    settled: str
    threads: int
    threads_observed: int | Absent


def steps_of(row: Row, record: Record) -> Steps:
    """Return the steps of one record."""
    blocks = [block for block in record.blocks if block.validity != "invalid"]
    emulated = Absent(reason=why_no_speed(record)) if record.machine.emulated else None
    threads = [block.threads_observed for block in blocks if block.threads_observed is not None]
    return Steps(
        model=row.model,
        start_ns=_median(record, lambda block: (block.process_ns,)),
        import_ns=_median(record, lambda block: (block.import_ns,)),
        load_ns=_median(record, lambda block: (block.load_ns,)),
        first_infer_ns=_median(record, lambda block: (block.first_infer_ns,)),
        tokenize_ns=_median(record, lambda block: block.tokenize_ns),
        started_bytes=emulated or record.memory.started_bytes,
        imported_bytes=emulated or record.memory.imported_bytes,
        loaded_bytes=emulated or record.memory.loaded_bytes,
        peak_memory_bytes=row.peak_memory_bytes,
        blocks=len(blocks),
        samples=len(record.infer_ns),
        settled=f"{sum(block.warmup_stable for block in blocks)} of {len(blocks)}",
        threads=record.threads,
        threads_observed=max(threads) if threads else Absent(reason="the system does not tell a process's threads"),
    )


def _median(record: Record, times_ns: Callable[[Block], tuple[int, ...]]) -> float | Absent:
    if reason := why_no_speed(record):
        return Absent(reason=reason)
    samples = [ns for block in record.blocks if block.validity != "invalid" for ns in times_ns(block)]
    return float(median(samples)) if samples else Absent(reason="no sample was taken")

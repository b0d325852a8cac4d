"""How a model was measured: times and memory before the first steady inference, and counts."""

from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

from bench.record import Block, Record
from bench.report.row import Missing, Row, why_no_speed


@dataclass(frozen=True, kw_only=True, slots=True)
class Details:
    """Median times over the blocks of one record, its memory after each step, and its counts.

    Attributes:
        model: the label of the record's row.
        blocks: number of fresh processes that are not invalid.
        samples: number of steady-state samples in those blocks.
        settled: number of those blocks that reached steady state during warm-up.
        threads_observed: largest number of threads in those blocks.
    """

    model: str
    start_ns: float | Missing
    import_ns: float | Missing
    load_ns: float | Missing
    first_infer_ns: float | Missing
    tokenize_ns: float | Missing
    started_bytes: int | Missing
    imported_bytes: int | Missing
    loaded_bytes: int | Missing
    peak_memory_bytes: int | Missing
    blocks: int
    samples: int
    settled: str
    threads: int
    threads_observed: int | Missing


def details_of(row: Row, record: Record) -> Details:
    """Return the details of one record."""
    blocks = [block for block in record.blocks if block.validity != "invalid"]
    emulated = Missing(reason=why_no_speed(record)) if record.machine.emulated else None
    threads = [block.threads_observed for block in blocks if block.threads_observed is not None]
    return Details(
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
        threads_observed=max(threads) if threads else Missing(reason="not reported by this system"),
    )


def _median(record: Record, times_ns: Callable[[Block], tuple[int, ...]]) -> float | Missing:
    if reason := why_no_speed(record):
        return Missing(reason=reason)
    samples = [ns for block in record.blocks if block.validity != "invalid" for ns in times_ns(block)]
    return float(median(samples)) if samples else Missing(reason="no sample was taken")

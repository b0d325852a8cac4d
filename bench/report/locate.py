"""Where records are looked for when none are named, and where their page goes."""

from pathlib import Path

from bench.report.read import record_files
from contract.progress import note

RESULTS = Path("results")  # of tinybert bench
RUNS = Path("runs")  # of tinybert run
PAGE = "report.html"


def find_results() -> Path:
    """Return `results` if it has records, else the results of the run under `runs` that measured last, and say which.

    Without any, the answer is `results`, which the reader of records then refuses.
    """
    newest = {folder: time_ns for folder in RUNS.glob("*/results") if (time_ns := _newest_ns(folder))}
    if _newest_ns(RESULTS):
        note(f"reading the records in {RESULTS}")
        return RESULTS
    if not newest:
        return RESULTS
    folder = max(newest, key=lambda folder: (newest[folder], folder))
    others = f", the newest of {len(newest)} runs" if len(newest) > 1 else ""
    note(f"reading the records in {folder}{others}")
    return folder


def page_of(results: Path | None) -> Path:
    """Return the page for a folder of records: `tinybert run` writes its own beside them."""
    return RESULTS / PAGE if results is None or results == RESULTS else results.with_name(PAGE)


def _newest_ns(folder: Path) -> int:
    """Return when the newest record of a folder was written; 0 if there is none."""
    return max((file.stat().st_mtime_ns for file in record_files(folder)), default=0)

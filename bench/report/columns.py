"""The columns of every table and picture: heading, unit, meaning and format of each property.

Columns of metrics are made from the metrics.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from bench.report.format import mebibytes, milliseconds, percent, significant
from infer.metrics.format import drop_unit, metric_number
from infer.metrics.metric import Metric

DASH = "\N{EN DASH}"
HASH_DIGITS = 12


@dataclass(frozen=True, kw_only=True, slots=True)
class Column:
    """One property as a reader sees it.

    Attributes:
        title: heading.
        unit: printed below the heading; empty for words.
        meaning: one sentence for the legend.
        text: formats one value, or each of an interval's three, without the unit.
        number: whether values are aligned as numbers.
    """

    title: str
    unit: str
    meaning: str
    text: Callable[[Any], str]
    number: bool = True

    @property
    def heading(self) -> str:
        """Title and unit in one line."""
        return f"{self.title} ({self.unit})" if self.unit else self.title


def _word(value: object) -> str:
    return str(value)


COLUMNS: Mapping[str, Column] = {
    "model": Column(
        title="Model",
        unit="",
        meaning="the teacher, the student in PyTorch, or the student converted for a runtime",
        text=_word,
        number=False,
    ),
    "runtime": Column(title="Runtime", unit="", meaning="the runtime with its version", text=_word, number=False),
    "precision": Column(
        title="Precision", unit="", meaning="the number format that the model computes in", text=_word, number=False
    ),
    "latency_p50_ns": Column(
        title="Latency p50",
        unit="ms",
        meaning="median time from token ids to logits for one sentence, padding included, after warm-up",
        text=milliseconds,
    ),
    "latency_p90_ns": Column(
        title="Latency p90",
        unit="ms",
        meaning="90th percentile of the same times, an upper estimate from at least 64 of them",
        text=milliseconds,
    ),
    "speed_up": Column(
        title="Speed-up",
        unit="\N{MULTIPLICATION SIGN} teacher, 95 %",
        meaning="how many times as fast as the teacher of the same session, paired by block, with a bootstrap interval",
        text=significant,
    ),
    "size_bytes": Column(
        title="Size",
        unit="MiB",
        meaning="the model's files without evaluation data; 1 MiB is 2^20 bytes",
        text=mebibytes,
    ),
    "peak_memory_bytes": Column(
        title="Peak memory",
        unit="MiB",
        meaning="peak resident memory of a fresh process that loads and runs the model",
        text=mebibytes,
    ),
    "agreement_teacher": Column(
        title="Agrees with teacher",
        unit="%",
        meaning="sentences with the same answer as from the teacher",
        text=percent,
    ),
    "agreement_student": Column(
        title="Agrees with student",
        unit="%",
        meaning="sentences with the same answer as from the PyTorch student, which conversion should not change",
        text=percent,
    ),
    "device": Column(title="Device", unit="", meaning="where it was measured", text=_word, number=False),
    "model_sha256": Column(
        title="Hash",
        unit="",
        meaning=f"first {HASH_DIGITS} digits of the SHA-256 that identifies the model's folder",
        text=lambda digest: str(digest)[:HASH_DIGITS],
        number=False,
    ),
    "verdict": Column(
        title="Validity",
        unit="",
        meaning="valid, degraded (disturbed by the machine) or invalid (speed not shown), with the causes",
        text=_word,
        number=False,
    ),
    "start_ns": Column(
        title="Start", unit="ms", meaning="from requesting a process to its first line of Python", text=milliseconds
    ),
    "import_ns": Column(title="Import", unit="ms", meaning="importing the runtime", text=milliseconds),
    "load_ns": Column(
        title="Load", unit="ms", meaning="reading, compiling and allocating the model", text=milliseconds
    ),
    "first_infer_ns": Column(title="First", unit="ms", meaning="the first inference of a process", text=milliseconds),
    "tokenize_ns": Column(
        title="Tokenize",
        unit="ms",
        meaning="median time from text to token ids, not part of the latency",
        text=milliseconds,
    ),
    "started_bytes": Column(title="Python", unit="MiB", meaning="memory before the runtime", text=mebibytes),
    "imported_bytes": Column(title="Imported", unit="MiB", meaning="memory with the runtime imported", text=mebibytes),
    "loaded_bytes": Column(title="Loaded", unit="MiB", meaning="memory with the model loaded", text=mebibytes),
    "blocks": Column(title="Blocks", unit="", meaning="fresh processes timed, without invalid blocks", text=_word),
    "samples": Column(title="Samples", unit="", meaning="sentences timed in those blocks", text=_word),
    "threads": Column(title="Threads", unit="", meaning="number of threads that the runtime was given", text=_word),
    "threads_observed": Column(
        title="Observed", unit="", meaning="largest number of threads in the process during inference", text=_word
    ),
    "settled": Column(
        title="Settled", unit="", meaning="blocks whose warm-up reached a steady latency before its limit", text=_word
    ),
}

# Placeholders in a list of properties: the main metric, the task's other metrics, and the drop in the main metric.
MAIN = "quality"
OTHERS = "other quality"
DROP = "drop"

RESULTS = (
    "model",
    "runtime",
    "precision",
    "latency_p50_ns",
    "latency_p90_ns",
    "speed_up",
    "size_bytes",
    "peak_memory_bytes",
    MAIN,
    DROP,
    "agreement_teacher",
    "agreement_student",
    OTHERS,
    "device",
    "model_sha256",
    "verdict",
)
TERMINAL = (
    "model",
    "latency_p50_ns",
    "latency_p90_ns",
    "speed_up",
    "size_bytes",
    "peak_memory_bytes",
    MAIN,
    DROP,
    "agreement_teacher",
)
DETAILS = (
    "model",
    "start_ns",
    "import_ns",
    "load_ns",
    "first_infer_ns",
    "tokenize_ns",
    "started_bytes",
    "imported_bytes",
    "loaded_bytes",
    "peak_memory_bytes",
    "blocks",
    "samples",
    "settled",
    "threads",
    "threads_observed",
)


def columns_of(properties: Sequence[str], metric: Metric, others: Sequence[Metric] = ()) -> dict[str, Column]:
    """Return the columns of some properties, by property name; a metric's is `quality.` and its name.

    Args:
        properties: names of properties, with `MAIN`, `OTHERS` and `DROP` as placeholders.
        metric: the main metric.
        others: the task's other metrics to show.
    """
    columns: dict[str, Column] = {}
    for name in properties:
        if name in (MAIN, OTHERS):
            shown = (metric,) if name == MAIN else others
            columns |= {f"quality.{each.name}": _quality(each) for each in shown}
        else:
            columns[name] = _drop(metric) if name == DROP else COLUMNS[name]
    return columns


@cache
def _quality(metric: Metric) -> Column:
    kind = "its Wilson" if metric.is_share else "a bootstrap"
    return Column(
        title=metric.heading,
        unit=", ".join(filter(None, (metric.unit, "95 %"))),
        meaning=f"{metric.meaning}, with {kind} interval",
        text=metric_number(metric),
    )


@cache
def _drop(metric: Metric) -> Column:
    models = ("the teacher", "the model") if metric.higher_is_better else ("the model", "the teacher")
    first, second = (f"{metric.heading} of {model}" for model in models)
    return Column(
        title="Drop",
        unit=f"{drop_unit(metric) or f'of {metric.heading}'}, 95 %",
        meaning=f"{first} minus {second}, paired by sentence; negative is better than the teacher",
        text=metric_number(metric),
    )

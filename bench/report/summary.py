"""A summary of one session in two sentences."""

from collections.abc import Sequence
from dataclasses import dataclass

from bench.report.format import milliseconds, significant
from bench.report.row import Missing, Row
from infer import tasks
from infer.metrics.format import metric_drop, metric_drop_interval, metric_value
from infer.metrics.metric import Metric
from targets.profile import names, read

TOLERANCE = 0.02


@dataclass(frozen=True, kw_only=True, slots=True)
class Contender:
    """An artifact that may be the fastest: its speed and its drop are known."""

    row: Row
    latency_ns: float
    drop: float


def tolerance_of(target: str, metric: Metric) -> tuple[float, str]:
    """Return how far a metric may drop on a target, and the source of the limit."""
    if target not in names():
        return TOLERANCE, f"a general limit, as {target} is not a known profile"
    limit = read(target).budget.quality_drop.get(metric.name)
    if limit is None:
        return TOLERANCE, f"a general limit, as the budget of {target} has none for {metric.heading}"
    return limit, f"the budget of {target}"


def fastest(rows: Sequence[Row], tolerance: float) -> Row | None:
    """Return the artifact with the lowest median latency among those within the tolerance."""
    within = [contender for contender in _contenders(rows) if contender.drop <= tolerance]
    return min(within, key=lambda contender: contender.latency_ns).row if within else None


def summarize(rows: Sequence[Row], target: str) -> str:
    """Name the fastest artifact within the target's tolerance and say why.

    Emulated and invalid rows have no speed, so they cannot be the fastest; nor is a model recommended that is not
    better than always giving the same answer.
    """
    metric = rows[0].main_metric
    tolerance, source = tolerance_of(target, metric)
    limit = f"{metric_drop(metric, tolerance)} of the teacher ({metric.heading}, {source})"
    contenders = sorted(_contenders(rows), key=lambda contender: contender.latency_ns)
    if not contenders:
        return f"No variant can be named the fastest within {limit}: {_why_none(rows)}."
    within = [contender for contender in contenders if contender.drop <= tolerance]
    if not within:
        best = min(contenders, key=lambda contender: contender.drop)
        loss = metric_drop(metric, best.drop)
        return f"No variant is within {limit}: {best.row.model} comes closest and loses {loss}."
    winner = within[0]
    return f"The fastest variant within {limit} is {winner.row.model}: {_facts(winner)}. {_because(winner, contenders)}"


def _contenders(rows: Sequence[Row]) -> list[Contender]:
    return [
        Contender(row=row, latency_ns=row.latency_p50_ns, drop=row.drop.value)
        for row in rows
        if row.kind == "artifact"
        and row.is_useful
        and not isinstance(row.latency_p50_ns, Missing)
        and not isinstance(row.drop, Missing)
    ]


def _why_none(rows: Sequence[Row]) -> str:
    artifacts = [row for row in rows if row.kind == "artifact"]
    values = [value for row in artifacts for value in (row.latency_p50_ns, row.drop)]
    reasons = dict.fromkeys(value.reason for value in values if isinstance(value, Missing))
    if any(not row.is_useful for row in artifacts):
        reasons[f"none is shown to be better than always giving {tasks.get(rows[0].task).CONSTANT}"] = None
    return "; ".join(reasons) or "no artifact was measured"


def _facts(winner: Contender) -> str:
    facts = [f"a median of {milliseconds(winner.latency_ns)} ms"]
    if isinstance(winner.row.speed_up, Missing):
        facts.append(f"no speed-up ({winner.row.speed_up.reason})")
    else:
        facts.append(f"{significant(winner.row.speed_up.value)} times as fast as the teacher")
    facts += _quality(winner.row)
    if winner.row.validity == "degraded":
        facts.append("though its measurement is degraded")
    return ", ".join(facts)


def _quality(row: Row) -> list[str]:
    if isinstance(row.main_quality, Missing) or isinstance(row.drop, Missing):
        return []
    metric = row.main_metric
    return [metric_value(metric, row.main_quality.value), f"a drop of {metric_drop_interval(metric, row.drop)}"]


def _because(winner: Contender, contenders: Sequence[Contender]) -> str:
    metric = winner.row.main_metric
    faster = [contender for contender in contenders if contender.latency_ns < winner.latency_ns]
    if faster:
        losses = ", ".join(f"{contender.row.model} loses {metric_drop(metric, contender.drop)}" for contender in faster)
        return f"Faster variants drop too much: {losses}."
    others = [contender for contender in contenders if contender.row.precision != winner.row.precision]
    if not others:
        return f"It is the fastest of {len(contenders)} measured."
    other = others[0]
    ratio = significant(other.latency_ns / winner.latency_ns)
    return (
        f"The fastest {other.row.precision} variant, {other.row.model}, "
        f"takes {ratio} times as long ({milliseconds(other.latency_ns)} ms)."
    )

"""What the numbers of one session say, in two sentences."""

from collections.abc import Sequence
from dataclasses import dataclass

from bench.report.number import drop_unit, in_unit, milliseconds, of_metric, significant, with_interval
from bench.report.table import Absent, Row
from infer.metrics.metric import Metric
from targets.profile import names, read

TOLERANCE = 0.02


@dataclass(frozen=True, kw_only=True, slots=True)
class Candidate:
    """An artifact that may win: its speed and its drop are known."""

    row: Row
    latency_ns: float
    drop: float


def tolerance_of(target: str, metric: str) -> tuple[float, str]:
    """Return by how much a target lets a metric drop, and where the figure is from."""
    if target not in names():
        return TOLERANCE, f"a general limit, as {target} is not a known profile"
    limit = read(target).budget.quality_drop.get(metric)
    if limit is None:
        return TOLERANCE, f"a general limit, as the budget of {target} has none for {metric}"
    return limit, f"the budget of {target}"


def fastest(rows: Sequence[Row], tolerance: float) -> Row | None:
    """Return the artifact with the lowest median latency among those within the tolerance."""
    within = [one for one in _candidates(rows) if one.drop <= tolerance]
    return min(within, key=lambda one: one.latency_ns).row if within else None


def summarize(rows: Sequence[Row], target: str) -> str:
    """Name the fastest artifact within the target's tolerance and say why it is that one.

    Emulated and invalid rows have no speed and so cannot be named.
    """
    metric = rows[0].judged_by
    tolerance, source = tolerance_of(target, metric.name)
    limit = f"{_loss(tolerance, metric)} of the teacher's {metric.name} ({source})"
    candidates = sorted(_candidates(rows), key=lambda one: one.latency_ns)
    if not candidates:
        return f"No variant can be named the fastest within {limit}: {_why_none(rows)}."
    within = [one for one in candidates if one.drop <= tolerance]
    if not within:
        best = min(candidates, key=lambda one: one.drop)
        return f"No variant is within {limit}: {best.row.model} comes closest and loses {_loss(best.drop, metric)}."
    winner = within[0]
    return f"The fastest variant within {limit} is {winner.row.model}: {_facts(winner)}. {_because(winner, candidates)}"


def _candidates(rows: Sequence[Row]) -> list[Candidate]:
    return [
        Candidate(row=row, latency_ns=row.latency_p50_ns, drop=row.drop.value)
        for row in rows
        if row.kind == "artifact" and not isinstance(row.latency_p50_ns, Absent) and not isinstance(row.drop, Absent)
    ]


def _why_none(rows: Sequence[Row]) -> str:
    artifacts = [row for row in rows if row.kind == "artifact"]
    absent = [value for row in artifacts for value in (row.latency_p50_ns, row.drop)]
    reasons = dict.fromkeys(value.reason for value in absent if isinstance(value, Absent))
    return "; ".join(reasons) or "no artifact was measured"


def _facts(winner: Candidate) -> str:
    facts = [f"a median of {milliseconds(winner.latency_ns)} ms"]
    if isinstance(winner.row.speed_up, Absent):
        facts.append(f"no speed-up ({winner.row.speed_up.reason})")
    else:
        facts.append(f"{significant(winner.row.speed_up.value)} times as fast as the teacher")
    facts += _quality(winner.row)
    if winner.row.validity == "degraded":
        facts.append("though its measurement is degraded")
    return ", ".join(facts)


def _quality(row: Row) -> list[str]:
    if isinstance(row.main, Absent) or isinstance(row.drop, Absent):
        return []
    metric, text = row.judged_by, of_metric(row.judged_by)
    drop = in_unit(with_interval(text, row.drop), drop_unit(metric))
    return [f"{in_unit(text(row.main.value), metric.unit)} {metric.name}", f"a drop of {drop}"]


def _loss(drop: float, metric: Metric) -> str:
    return in_unit(of_metric(metric)(drop), drop_unit(metric))


def _because(winner: Candidate, candidates: Sequence[Candidate]) -> str:
    faster = [one for one in candidates if one.latency_ns < winner.latency_ns]
    if faster:
        lost = ", ".join(f"{one.row.model} loses {_loss(one.drop, one.row.judged_by)}" for one in faster)
        return f"What is faster drops too much: {lost}."
    others = [one for one in candidates if one.row.precision != winner.row.precision]
    if not others:
        return f"It is the fastest of {len(candidates)} measured."
    other = others[0]
    ratio = significant(other.latency_ns / winner.latency_ns)
    return (
        f"The fastest {other.row.precision} variant, {other.row.model}, "
        f"takes {ratio} times as long ({milliseconds(other.latency_ns)} ms)."
    )

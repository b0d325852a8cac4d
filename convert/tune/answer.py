"""The answer of a search: one artifact, what stands beside it, and the reasons in sentences."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from convert.offer import offers
from convert.tune.candidate import Candidate
from convert.tune.floor import Floor, Outcome
from convert.tune.judge import Judgement
from convert.tune.race import Racer, ratio
from targets.profile import Precision, Profile

MS = 1e6
MB = 1e6


@dataclass(frozen=True, kw_only=True, slots=True)
class Finalist:
    """A raced candidate and what is known of its answers.

    Attributes:
        search: on the half that the search saw.
        check: on the other half; asked only of those that could win.
    """

    racer: Racer
    search: Judgement
    check: Judgement | None

    @property
    def candidate(self) -> Candidate:
        """What was raced."""
        return self.racer.candidate

    @property
    def reaches_floor(self) -> bool:
        """Whether it may be answered with."""
        return self.search.outcome is Outcome.MET and self.check is not None and self.check.outcome is Outcome.MET


def winner_of(finalists: Sequence[Finalist]) -> Finalist | None:
    """Return the fastest that reaches the floor on both halves."""
    return next((one for one in finalists if one.reaches_floor), None)


def merged(latest: Sequence[Finalist], before: Sequence[Finalist], anchor: Finalist) -> list[Finalist]:
    """Join the finalists of a race with those of earlier ones.

    The times of two races are not of one moment, so the earlier ones are scaled by one candidate that ran in both.

    Args:
        latest: of the last race.
        before: of all earlier ones.
        anchor: among both.
    """
    now = next((one for one in latest if one.candidate.label == anchor.candidate.label), None)
    scale = now.racer.latency_ns / anchor.racer.latency_ns if now else 1.0
    again = {one.candidate.label for one in latest}
    older = [replace(one, racer=one.racer.scaled(scale)) for one in before if one.candidate.label not in again]
    return sorted([*latest, *older], key=lambda one: one.racer.latency_ns)


def pareto(finalists: Sequence[Finalist]) -> list[Finalist]:
    """Return the finalists that no other one beats in latency, size and score at once."""

    def beats(one: Finalist, other: Finalist) -> bool:
        pairs = list(zip(_costs(one), _costs(other), strict=True))
        return all(own <= theirs for own, theirs in pairs) and any(own < theirs for own, theirs in pairs)

    return [one for one in finalists if not any(beats(other, one) for other in finalists)]


def _costs(finalist: Finalist) -> tuple[float, float, float]:
    return (
        finalist.racer.latency_ns,
        float(finalist.candidate.artifact.model_size_bytes),
        -finalist.search.score,
    )


def sentences(winner: Finalist, finalists: Sequence[Finalist], floor: Floor, profile: Profile) -> list[str]:
    """Return why the winner wins, a sentence each."""
    candidate = winner.candidate
    found = [
        f"{candidate.label}: {winner.racer.latency_ns / MS:.2f} ms a sentence (median), "
        f"{candidate.artifact.model_size_bytes / MB:.1f} MB.",
        f"It reaches the floor {floor} on both halves: {winner.search.text}; unseen half: "
        f"{winner.check.text if winner.check else 'not asked'}.",
    ]
    same = [one for one in finalists if one.candidate.artifact.runtime is candidate.artifact.runtime]
    fp32 = [one for one in same if one.candidate.artifact.precision is Precision.FP32]
    if candidate.artifact.precision is Precision.FP32:
        reason = next(
            offer.reason for offer in offers(profile, candidate.artifact.runtime) if offer.precision is Precision.INT8
        )
        found.append(f"Keep fp32: nothing that answers right is faster here ({reason}).")
    elif fp32:
        times = ratio(fp32[0].racer, winner.racer)
        found.append(f"It is {times:.2f} times as fast as fp32 in the same runtime.")
    found += [_why_not(one, winner) for one in _faster(winner, finalists)]
    others = [one for one in finalists if one.candidate.artifact.runtime is not candidate.artifact.runtime]
    second = winner_of(others)
    if second is not None:
        times = ratio(second.racer, winner.racer)
        found.append(f"The fastest of another runtime, {second.candidate.label}, takes {times:.2f} times as long.")
    return found


def _faster(winner: Finalist, finalists: Sequence[Finalist]) -> list[Finalist]:
    return [one for one in finalists if one.racer.latency_ns < winner.racer.latency_ns and not one.reaches_floor]


def _why_not(one: Finalist, winner: Finalist) -> str:
    judged = one.search if one.search.outcome is not Outcome.MET or one.check is None else one.check
    half = "" if judged is one.search else " on the unseen half"
    return (
        f"{one.candidate.label} is {ratio(winner.racer, one.racer):.2f} times as fast, "
        f"but misses the floor{half}: {judged.text}."
    )


def as_values(finalist: Finalist) -> dict[str, Any]:
    """Return a finalist for machines to read."""
    candidate = finalist.candidate
    return {
        "student": candidate.entrant.name,
        "variant": candidate.artifact.variant.model_dump(mode="json"),
        "threads": candidate.threads,
        "length_buckets_tokens": list(candidate.buckets),
        "latency_ns": finalist.racer.latency_ns,
        "model_size_bytes": candidate.artifact.model_size_bytes,
        "score": finalist.search.score,
        "reaches_floor": finalist.reaches_floor,
    }

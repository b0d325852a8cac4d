"""The answer of a search: one artifact, what stands beside it, and the reasons in sentences."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from convert.offer import offers
from convert.tune.candidate import Candidate
from convert.tune.floor import Floor, Outcome
from convert.tune.judge import Judgement
from targets.profile import Precision, Profile

MS = 1e6
MB = 1e6
# Below this many, one example is a point or more.
FEW_SENTENCES = 100


@dataclass(frozen=True, kw_only=True, slots=True)
class Finalist:
    """A candidate that was timed, and what is known of its answers.

    Attributes:
        latency_ns: median of one sentence, in times of the pacemaker.
        rounds: in which it was timed.
        search: on the half that the search saw; none if it was not asked.
        check: on the other half; asked only of those that could win.
    """

    candidate: Candidate
    latency_ns: float
    rounds: int
    search: Judgement | None
    check: Judgement | None

    @property
    def reaches_floor(self) -> bool | None:
        """Whether it reaches the floor on both halves; none if that is not known."""
        judged = [one for one in (self.search, self.check) if one is not None]
        if any(one.outcome is not Outcome.MET for one in judged):
            return False
        return True if self.search and self.check else None

    @property
    def said(self) -> str:
        """What is known of the floor, in a few words."""
        if self.search is None:
            return "not asked"
        if self.search.outcome is not Outcome.MET:
            return f"missed: {self.search.text}"
        if self.check is None:
            return f"{self.search.text}; unseen half not asked"
        return f"{'met' if self.reaches_floor else 'missed on the unseen half'}: {self.check.text}"


def winner_of(finalists: Sequence[Finalist]) -> Finalist | None:
    """Return the fastest that reaches the floor on both halves."""
    return next((one for one in finalists if one.reaches_floor), None)


def pareto(finalists: Sequence[Finalist]) -> list[Finalist]:
    """Return those that reach the floor, as far as asked, and that no other such beats in latency, size and score."""
    right = [one for one in finalists if one.search is not None and one.reaches_floor is not False]

    def beats(one: Finalist, other: Finalist) -> bool:
        pairs = list(zip(_costs(one), _costs(other), strict=True))
        return all(own <= theirs for own, theirs in pairs) and any(own < theirs for own, theirs in pairs)

    return [one for one in right if not any(beats(other, one) for other in right)]


def _costs(finalist: Finalist) -> tuple[float, float, float]:
    score = finalist.search.score if finalist.search else 0.0
    return finalist.latency_ns, float(finalist.candidate.artifact.model_size_bytes), -score


def sentences(finalists: Sequence[Finalist], floor: Floor, profile: Profile) -> list[str]:
    """Return the reasons, a sentence each: why the winner wins, or that nothing reaches the floor."""
    winner = winner_of(finalists)
    if winner is None:
        asked = [one for one in finalists if one.search is not None]
        nearest = max(asked, key=_nearness, default=None)
        more = f"; the nearest is {nearest.candidate.label}: {nearest.said}" if nearest else ""
        return [f"Nothing that was tried reaches the floor {floor}{more}."]
    candidate = winner.candidate
    found = [
        f"{candidate.label}: {winner.latency_ns / MS:.2f} ms a sentence (median of {winner.rounds} rounds), "
        f"{candidate.artifact.model_size_bytes / MB:.1f} MB.",
        f"It reaches the floor {floor} on both halves: {winner.search.text if winner.search else ''}; unseen half: "
        f"{winner.check.text if winner.check else ''}.",
        _beside_fp32(winner, finalists, profile),
        *(_why_not(one, winner) for one in finalists if one.reaches_floor is False and _is_faster(one, winner)),
        _not_asked(finalists, winner),
        _few(winner),
    ]
    others = [one for one in finalists if one.candidate.artifact.runtime is not candidate.artifact.runtime]
    second = next((one for one in others if one.reaches_floor is not False), None)
    if second is not None:
        times = second.latency_ns / winner.latency_ns
        found.append(f"The fastest of another runtime, {second.candidate.label}, takes {times:.2f} times as long.")
    return [one for one in found if one]


def _nearness(finalist: Finalist) -> float:
    judged = [one for one in (finalist.search, finalist.check) if one is not None]
    return min(one.score - one.floor for one in judged)


def _beside_fp32(winner: Finalist, finalists: Sequence[Finalist], profile: Profile) -> str:
    artifact = winner.candidate.artifact
    if artifact.precision is Precision.FP32:
        reasons = {offer.precision: offer.reason for offer in offers(profile, artifact.runtime)}
        return f"Keep fp32: nothing that is known to answer right is faster here ({reasons[Precision.INT8]})."
    fp32 = [
        one
        for one in finalists
        if one.candidate.entrant is winner.candidate.entrant
        and one.candidate.artifact.runtime is artifact.runtime
        and one.candidate.artifact.precision is Precision.FP32
    ]
    if not fp32:
        return ""
    times = fp32[0].latency_ns / winner.latency_ns
    return f"The fastest fp32 of the same runtime, {fp32[0].candidate.label}, takes {times:.2f} times as long."


def _not_asked(finalists: Sequence[Finalist], winner: Finalist) -> str:
    faster = [one for one in finalists if one.reaches_floor is None and _is_faster(one, winner)]
    names = ", ".join(one.candidate.label for one in faster)
    return f"Faster, and not asked whether they reach the floor: {names}." if faster else ""


def _few(winner: Finalist) -> str:
    asked = winner.check.sentences if winner.check else 0
    return f"The unseen half has {asked} sentences: so few say little of others." if asked < FEW_SENTENCES else ""


def _is_faster(one: Finalist, winner: Finalist) -> bool:
    return one.latency_ns < winner.latency_ns


def _why_not(one: Finalist, winner: Finalist) -> str:
    times = winner.latency_ns / one.latency_ns
    return f"{one.candidate.label} is {times:.2f} times as fast, but misses the floor ({one.said})."


def to_json(finalist: Finalist) -> dict[str, Any]:
    """Return a finalist for machines to read; what is not known is null."""
    candidate = finalist.candidate
    return {
        "student": candidate.entrant.name,
        "variant": candidate.artifact.variant.model_dump(mode="json"),
        "threads": candidate.threads,
        "length_buckets_tokens": list(candidate.buckets),
        "latency_ns": finalist.latency_ns,
        "rounds": finalist.rounds,
        "model_size_bytes": candidate.artifact.model_size_bytes,
        "score": finalist.search.score if finalist.search else None,
        "sentences": finalist.search.sentences if finalist.search else None,
        "reaches_floor": finalist.reaches_floor,
    }

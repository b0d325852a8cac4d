"""The finalists of a search: candidates that were timed, with their results against the floor."""

from collections.abc import Sequence
from dataclasses import dataclass
from operator import le
from typing import Any

from convert.tune.candidate import Candidate
from convert.tune.evaluator import FloorResult
from convert.tune.floor import Outcome


@dataclass(frozen=True, kw_only=True, slots=True)
class Finalist:
    """A candidate that was timed.

    Attributes:
        latency_ns: median latency of a sentence, derived from its ratio to the pacemaker's.
        rounds: number of rounds in which the candidate was timed.
        search: result on the half that the search uses; None if it was not evaluated.
        check: result on the other half, which is only evaluated for possible winners.
    """

    candidate: Candidate
    latency_ns: float
    rounds: int
    search: FloorResult | None
    check: FloorResult | None

    @property
    def results(self) -> list[FloorResult]:
        """The results of the halves that were evaluated."""
        return [result for result in (self.search, self.check) if result is not None]

    @property
    def reaches_floor(self) -> bool | None:
        """Whether the candidate reaches the floor on both halves; None if that is not known."""
        if any(result.outcome is not Outcome.MET for result in self.results):
            return False
        return True if self.search and self.check else None

    @property
    def floor_text(self) -> str:
        """A short description of the results against the floor."""
        metric = self.candidate.entrant.metric
        if self.search is None:
            return "not evaluated"
        if self.search.outcome is not Outcome.MET:
            return f"missed: {self.search.text(metric)}"
        if self.check is None:
            return f"{self.search.text(metric)}; unseen half not evaluated"
        outcome = "met" if self.reaches_floor else "missed on the unseen half"
        return f"{outcome}: {self.check.text(metric)}"


def winner_of(finalists: Sequence[Finalist]) -> Finalist | None:
    """Return the first finalist that reaches the floor on both halves, the fastest if they are sorted."""
    return next((finalist for finalist in finalists if finalist.reaches_floor), None)


def pareto(finalists: Sequence[Finalist]) -> list[Finalist]:
    """Return the finalists on the Pareto front of latency, size and score, among those known not to miss the floor."""
    eligible = [one for one in finalists if one.search is not None and one.reaches_floor is not False]
    return [finalist for finalist in eligible if not any(_dominates(other, finalist) for other in eligible)]


def _dominates(finalist: Finalist, other: Finalist) -> bool:
    costs, other_costs = _costs(finalist), _costs(other)
    return costs != other_costs and all(map(le, costs, other_costs))


def _costs(finalist: Finalist) -> tuple[float, float, float]:
    score = finalist.search.score if finalist.search else 0.0
    return finalist.latency_ns, float(finalist.candidate.artifact.model_size_bytes), -score


def to_json(finalist: Finalist) -> dict[str, Any]:
    """Return a finalist as a JSON value; unknown values are null."""
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

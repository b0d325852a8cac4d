"""Who is fastest: all candidates time the same sentences in turn, round by round, and the slow ones drop out.

Successive halving (Jamieson and Talwalkar, arXiv 1502.07943) with a margin in place of the half: a round is one fresh
process of each, so that what disturbs the machine disturbs all alike, and a candidate leaves when its median ratio to
the fastest is out of reach of the noise.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import median
from typing import Protocol

import numpy as np

from contract.errors import TinybertError
from contract.progress import bar
from convert.tune.candidate import Candidate
from targets.profile import RuntimeName

SENTENCES = 24
# By how much a candidate may be slower than the fastest after each round and stay.
MARGINS = (1.5, 1.25, 1.15, 1.08, 1.05)


class Time(Protocol):
    """Times a model in its runtime in a fresh process; bench brings it, which stands above this stage."""

    def __call__(
        self,
        folder: Path,
        *,
        runtime: RuntimeName,
        model_file: str,
        inputs: tuple[str, str, str],
        buckets: tuple[int, ...],
        threads: int,
        rows: tuple[int, ...],
    ) -> tuple[int, ...]:
        """Return the nanoseconds of each of some evaluation sentences of an artifact folder."""
        ...


@dataclass(kw_only=True, slots=True)
class Racer:
    """A candidate in a race.

    Attributes:
        medians_ns: of one sentence, a block each.
        failure: why it could not be timed.
    """

    candidate: Candidate
    medians_ns: list[float] = field(default_factory=list)
    failure: str = ""

    @property
    def latency_ns(self) -> float:
        """The median of its blocks."""
        return median(self.medians_ns)

    def scaled(self, factor: float) -> "Racer":
        """Return the racer as if everything had taken so many times as long."""
        return replace(self, medians_ns=[median_ns * factor for median_ns in self.medians_ns])


def race(
    candidates: Sequence[Candidate],
    time: Time,
    *,
    seed: int,
    out_of_time: Callable[[], bool],
    rounds: int = len(MARGINS),
) -> list[Racer]:
    """Race candidates.

    Args:
        candidates: of one task, on the same sentences.
        time: times one.
        seed: of the sentences and of the order.
        out_of_time: asked after each round; the first is always run.
        rounds: at most.

    Returns:
        All of them, the fastest first, those that failed last; those that dropped out keep what they had.
    """
    racers = [Racer(candidate=candidate) for candidate in candidates]
    alive = racers
    generator = np.random.default_rng(seed)
    for number in range(rounds):
        rows = _rows(candidates[0], generator)
        with bar(f"Race, round {number + 1} of at most {rounds}: {len(alive)} candidates", len(alive)) as advance:
            for place in generator.permutation(len(alive)):
                _block(alive[place], time, rows)
                advance(1)
        alive = _left(alive, MARGINS[min(number, len(MARGINS) - 1)])
        if len(alive) < 2 or out_of_time():
            break
    return sorted(racers, key=lambda racer: _place(racer, alive))


def _place(racer: Racer, alive: list[Racer]) -> tuple[bool, bool, float]:
    return not racer.medians_ns, racer not in alive, racer.latency_ns if racer.medians_ns else 0.0


def _rows(candidate: Candidate, generator: np.random.Generator) -> tuple[int, ...]:
    rows = candidate.entrant.search_rows
    chosen = generator.choice(rows, size=min(SENTENCES, len(rows)), replace=False)
    return tuple(int(row) for row in chosen)


def _block(racer: Racer, time: Time, rows: tuple[int, ...]) -> None:
    candidate = racer.candidate
    try:
        times_ns = time(
            candidate.folder,
            runtime=candidate.artifact.runtime,
            model_file=candidate.artifact.model_file,
            inputs=candidate.artifact.inputs,
            buckets=candidate.buckets,
            threads=candidate.threads,
            rows=rows,
        )
    except TinybertError as error:
        racer.failure = str(error)
    else:
        racer.medians_ns.append(median(times_ns))


def _left(alive: list[Racer], margin: float) -> list[Racer]:
    """Return those that are near the fastest; each round is compared by itself, as all timed the same sentences."""
    timed = [racer for racer in alive if not racer.failure]
    if not timed:
        return []
    fastest = min(timed, key=lambda racer: racer.latency_ns)
    return [racer for racer in timed if ratio(racer, fastest) <= margin]


def ratio(racer: Racer, other: Racer) -> float:
    """Return how many times as long one takes as another, by the rounds both ran."""
    pairs = zip(racer.medians_ns, other.medians_ns, strict=False)
    return median(own_ns / other_ns for own_ns, other_ns in pairs)

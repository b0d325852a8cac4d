"""Races candidates: all time the same sentences in turn, round by round, and slow ones drop out.

Successive halving (Jamieson and Talwalkar, arXiv 1502.07943) with a margin instead of the half. In a round, each
candidate runs in one fresh process, so that disturbances of the machine affect all alike. One of them, the pacemaker,
runs in every round of every race. A candidate's latency is measured relative to the pacemaker, which makes rounds with
different sentences and at different times comparable.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from statistics import median

import numpy as np

from contract.errors import TinybertError, WorkerError
from contract.progress import bar
from convert.tune.candidate import Candidate
from infer.worker import client

SENTENCES = 24
# After each round of a race, candidates slower than the fastest by more than this factor drop out.
MARGINS = (1.5, 1.25, 1.15, 1.08, 1.05)


@dataclass(kw_only=True, slots=True)
class Racer:
    """A candidate in a race.

    Attributes:
        medians_ns: median latencies of a sentence, by round.
        failure: why the candidate cannot be used; empty if it can.
    """

    candidate: Candidate
    medians_ns: dict[int, float] = field(default_factory=dict)
    failure: str = ""


@dataclass(kw_only=True, slots=True)
class Races:
    """All races of a search.

    Attributes:
        seed: seed for the choice of sentences and the order of racers.
        racers: all racers so far, by label.
        rounds: number of rounds so far, of all races.
        pacemaker: the racer that runs in every round, chosen in the first.
    """

    seed: int = 0
    racers: dict[str, Racer] = field(default_factory=dict)
    rounds: int = 0
    pacemaker: Racer | None = None

    def run(self, candidates: Iterable[Candidate], rounds: int, out_of_time: Callable[[], bool]) -> None:
        """Run a race: the first round in any case, the others while there is time.

        Raises:
            WorkerError: no candidate could be timed.
        """
        entered = [self.racers.setdefault(one.label, Racer(candidate=one)) for one in candidates]
        alive = [racer for racer in entered if not racer.failure]
        for margin in MARGINS[:rounds]:
            self._round(alive)
            if self.pacemaker is None:
                failure = next(racer.failure for racer in entered)
                raise WorkerError(f"no model could be timed ({failure})")
            alive = self._within(alive, margin)
            if len(alive) < 2 or out_of_time():
                break

    def relative(self, racer: Racer) -> float:
        """Return the ratio of a racer's latency to the pacemaker's in the rounds of both; infinite if unknown."""
        pace = self.pacemaker
        assert pace is not None
        common = [number for number in racer.medians_ns if number in pace.medians_ns]
        if racer.failure or not common:
            return float("inf")
        return median(racer.medians_ns[number] / pace.medians_ns[number] for number in common)

    def latency_ns(self, racer: Racer) -> float:
        """Return the median latency of a sentence, estimated as if the racer had run in every round."""
        pace = self.pacemaker
        assert pace is not None
        return self.relative(racer) * median(pace.medians_ns.values())

    def ranking(self) -> list[Racer]:
        """Return all racers that could be timed, fastest first."""
        timed = [racer for racer in self.racers.values() if self.relative(racer) < float("inf")]
        return sorted(timed, key=self.relative)

    def _round(self, alive: Sequence[Racer]) -> None:
        self.rounds += 1
        generator = np.random.default_rng([self.seed, self.rounds])
        running = [*alive, *([self.pacemaker] if self.pacemaker and self.pacemaker not in alive else [])]
        if not running:
            return
        rows = _sample_rows(running[0].candidate, generator)
        with bar(f"Race, round {self.rounds}: {len(running)} candidates", len(running)) as advance:
            for index in generator.permutation(len(running)):
                self._time(running[index], rows)
                advance(1)
        if self.pacemaker is None:
            timed = [racer for racer in running if not racer.failure]
            self.pacemaker = min(timed, key=lambda racer: racer.medians_ns[self.rounds], default=None)

    def _time(self, racer: Racer, rows: tuple[int, ...]) -> None:
        try:
            times_ns = client.times_of(racer.candidate.model, rows)
        except TinybertError as error:
            racer.failure = str(error)
        else:
            racer.medians_ns[self.rounds] = median(times_ns)

    def _within(self, alive: Sequence[Racer], margin: float) -> list[Racer]:
        fastest = min((self.relative(racer) for racer in alive), default=0.0)
        return [racer for racer in alive if not racer.failure and self.relative(racer) <= margin * fastest]


def _sample_rows(candidate: Candidate, generator: np.random.Generator) -> tuple[int, ...]:
    rows = candidate.entrant.search_rows
    chosen = generator.choice(rows, size=min(SENTENCES, len(rows)), replace=False)
    return tuple(int(row) for row in chosen)

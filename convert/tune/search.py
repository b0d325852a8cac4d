"""The search: cheapest information first, and at every moment the best so far stands in the output folder.

1. What each runtime's makers advise is made of every student, and other precisions while there is time (size, parity).
2. All race; from the fastest on, each is asked whether it reaches the floor, on half of the evaluation sentences and
   then on the other half, until one does.
3. Neighbours of the fastest that may reach it (rewrites, calibration, threads, fixed lengths) race against it; so do
   mixed variants of what is faster but misses the floor.
4. The fastest that reaches the floor on both halves is the answer.
"""

import time as clock
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from functools import partial
from pathlib import Path

from contract.errors import TinybertError, WorkerError
from contract.folder import identity
from convert.tune import space
from convert.tune.answer import Finalist, winner_of
from convert.tune.candidate import Candidate, Entrant
from convert.tune.fallback import fallbacks
from convert.tune.floor import Outcome
from convert.tune.judge import Judge, Judgement
from convert.tune.ledger import FILE
from convert.tune.models import Models
from convert.tune.question import standing
from convert.tune.race import MARGINS, Field, Racer
from convert.tune.settle import settle
from infer.folders.artifact import ARTIFACT_MANIFEST
from infer.folders.variant import Variant
from targets.profile import Precision, Profile, RuntimeName

USUAL = (Precision.FP32, Precision.INT8)
# The share of the budget after which no more of the others are made.
MAKING = 0.3
# How much slower than the fastest that may be right a model may be for it to race on and its neighbours to be tried.
NEAR = 1.3
# How many models' neighbours are tried per pass, and how many passes.
TRIED = 2
PASSES = 2
# Rounds of the first race, which only finds who is worth asking.
FIRST_ROUNDS = 2


@dataclass(kw_only=True, slots=True)
class Search:
    """A search under way.

    Attributes:
        entrants: the students.
        begun_s, deadline_s: of the monotonic clock; after the deadline nothing new is begun.
        field: all that were raced.
        answer: the folder to keep what is best so far in.
        judged: what is known of each that was asked, by label.
    """

    profile: Profile
    entrants: list[Entrant]
    runtimes: tuple[RuntimeName, ...]
    models: Models
    judge: Judge
    field: Field
    answer: Path
    begun_s: float
    deadline_s: float
    judged: dict[str, tuple[Judgement, Judgement | None]] = dataclass_field(default_factory=dict)

    def is_out_of_time(self) -> bool:
        """Tell whether the budget is spent."""
        return clock.monotonic() > self.deadline_s

    def run(self) -> Finalist | None:
        """Search, and return the winner; nothing where no variant reaches the floor."""
        made = self._made(USUAL)
        earlier = standing(self.answer, self.entrants, self.models)
        if earlier is not None:
            # It may only be replaced by what is faster in the same race, and is known to be right at once.
            self._ask(Racer(candidate=earlier), both=True)
            made.append(earlier)
        self._race(made, FIRST_ROUNDS)
        spent_s = clock.monotonic() - self.begun_s
        if spent_s < MAKING * (self.deadline_s - self.begun_s) or self._winner() is None:
            self._race(self._made(tuple(Precision)), FIRST_ROUNDS)
        if not self.field.racers:
            raise WorkerError("no variant could be made", f"the reasons are in {self.answer.parent / FILE}")
        for _ in range(PASSES):
            # What takes no conversion comes first; each kind is raced before the next is made.
            for neighbours in (self._ways, self._variants, self._mixed):
                if not self.is_out_of_time():
                    self._race(neighbours(), len(MARGINS))
        self._ask_the_others()
        return self._winner()

    def _made(self, precisions: tuple[Precision, ...]) -> list[Candidate]:
        """Make some precisions of every student in every runtime, and return those that have not raced."""
        found: list[Candidate] = []
        for entrant in self.entrants:
            if not (found and self.is_out_of_time()):
                plans = space.plans(self.profile, entrant, self.runtimes, precisions)
                found += self.models.make(entrant, plans)
        return found

    def _race(self, new: Sequence[Candidate], rounds: int) -> None:
        """Race new candidates against those that are near the best, judge, and settle what is best so far."""
        new = list({one.label: one for one in new if one.label not in self.field.racers}.values())
        if not new:
            return
        rivals = [racer.candidate for racer in self._near() if not self._misses(racer)]
        self.field.race([*rivals, *new], rounds, self.is_out_of_time)
        for racer in self.field.racers.values():
            self._write(racer)
        self._judge()
        self._settle("The search was not at its end.")

    def _near(self) -> list[Racer]:
        """Return those that are near the fastest that may be right, faster ones among them."""
        order = self.field.in_order() if self.field.pacemaker else []
        first = next((racer for racer in order if not self._misses(racer)), None)
        if first is None:
            return order
        return [racer for racer in order if self.field.relative(racer) <= NEAR * self.field.relative(first)]

    def _misses(self, racer: Racer) -> bool:
        judged = self.judged.get(racer.candidate.label, ())
        return any(one is not None and one.outcome is not Outcome.MET for one in judged)

    def _judge(self) -> None:
        """Ask from the fastest on whether one reaches the floor on both halves, until one does or time is up."""
        for racer in self.field.in_order():
            if not self._is_settled(racer):
                if self.judged and self.is_out_of_time():
                    return
                self._ask(racer, both=True)
            if self._is_settled(racer) and not self._misses(racer):
                return

    def _is_settled(self, racer: Racer) -> bool:
        """Tell whether it is known if one reaches the floor."""
        search, check = self.judged.get(racer.candidate.label, (None, None))
        return check is not None or (search is not None and search.outcome is not Outcome.MET)

    def _ask(self, racer: Racer, *, both: bool) -> None:
        """Judge one; a model that cannot be run leaves the field."""
        candidate = racer.candidate
        try:
            search = self.judge.search(candidate)
            check = self.judge.check(candidate) if both and search.outcome is Outcome.MET else None
        except TinybertError as error:
            racer.failure = str(error)
        else:
            self.judged[candidate.label] = (search, check)

    def _ask_the_others(self) -> None:
        """Judge what was not asked while there is time, for the answer's table."""
        for racer in self.field.in_order():
            if self.is_out_of_time():
                break
            if racer.candidate.label not in self.judged:
                self._ask(racer, both=False)
        over = (
            "The budget is spent: more might have been tried." if self.is_out_of_time() else "Nothing is left to try."
        )
        self._settle(over)

    def _finalists(self) -> list[Finalist]:
        found = []
        for racer in self.field.in_order():
            search, check = self.judged.get(racer.candidate.label, (None, None))
            found.append(
                Finalist(
                    candidate=racer.candidate,
                    latency_ns=self.field.latency_ns(racer),
                    rounds=len(racer.medians_ns),
                    search=search,
                    check=check,
                )
            )
        return found

    def _winner(self) -> Finalist | None:
        return winner_of(self._finalists())

    def _settle(self, ended: str) -> None:
        tried = {racer.candidate.entrant.name for racer in self.field.racers.values()}
        untried = [entrant.name for entrant in self.entrants if entrant.name not in tried]
        if untried:
            ended += f" Nothing was made or timed of {', '.join(untried)}."
        failed = [f"{name} could not be made: {cause}." for name, cause in sorted(self.models.failures.items())]
        said = [*failed, ended]
        settle(self._finalists(), self.judge.floor, self.profile, self.answer, said=said)

    def _right(self) -> list[Candidate]:
        """Return those near the fastest that may be right, the fastest first."""
        return [racer.candidate for racer in self._near() if not self._misses(racer)]

    def _right_models(self) -> list[Candidate]:
        """Return the fastest models that may be right, each run in its fastest way."""
        by_model: dict[str, Candidate] = {}
        for candidate in self._right():
            by_model.setdefault(candidate.model_name, candidate)
        return list(by_model.values())[:TRIED]

    def _ways(self) -> list[Candidate]:
        """Return the fastest models run with other threads and lengths."""
        return [way for candidate in self._right()[:TRIED] for way in space.settings_near(candidate, self.profile)]

    def _variants(self) -> list[Candidate]:
        """Return the fastest models with other rewrites and calibrations."""
        found: list[Candidate] = []
        for candidate in self._right_models():
            found += self._make(candidate, space.variants_near(candidate.artifact.variant))
        return found

    def _mixed(self) -> list[Candidate]:
        """Return, of the fastest that misses the floor by int8, the first mixed variant that reaches it."""
        wrong = [racer.candidate for racer in self._near() if self._misses(racer) and _is_int8(racer.candidate)]
        for candidate in wrong[:1]:
            for mixed in fallbacks(candidate, partial(self._make, candidate)):
                racer = Racer(candidate=mixed)
                self._ask(racer, both=True)
                if not racer.failure and not self._misses(racer):
                    return [mixed]
        return []

    def _make(self, candidate: Candidate, variants: list[Variant]) -> list[Candidate]:
        """Make variants of a candidate's student, to be run as the candidate is."""
        if self.is_out_of_time():
            return []
        entrant = candidate.entrant
        (plan,) = space.plans(self.profile, entrant, (candidate.artifact.runtime,), tuple(Precision))
        made = self.models.make(entrant, space.base_plan(plan, variants))
        return [one.run_with(threads=candidate.threads, buckets=candidate.buckets) for one in made]

    def _write(self, racer: Racer) -> None:
        last = max(racer.medians_ns, default=0)
        key = f"{identity(racer.candidate.folder / ARTIFACT_MANIFEST)} {racer.candidate.label} {self.begun_s} {last}"
        if self.models.ledger.known("timed", key) is None:
            found = {"medians_ns": list(racer.medians_ns.values()), "failure": racer.failure}
            self.models.ledger.write("timed", racer.candidate.label, key, found)


def _is_int8(candidate: Candidate) -> bool:
    return candidate.artifact.precision in (Precision.INT8, Precision.INT8_STATIC)

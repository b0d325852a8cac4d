"""The search, which gets the cheapest information first and keeps the best artifact so far in the output folder.

1. Convert every student to fp32 and int8 in each runtime, and to other precisions while there is time (size, parity).
2. Race all models. From the fastest on, evaluate each against the floor, on half of the evaluation sentences and then
   on the other half, until one reaches it.
3. Race neighbours of the fastest models that may reach the floor (rewrites, calibration, threads, fixed lengths), and
   mixed variants of faster models that miss it.
4. The answer is the fastest model that reaches the floor on both halves.
"""

import time as clock
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from contract.errors import TinybertError, WorkerError
from contract.folder import identity
from convert.tune import search_space
from convert.tune.answer import write_answer
from convert.tune.answer_folder import earlier_best
from convert.tune.candidate import Candidate
from convert.tune.entrant import Entrant
from convert.tune.evaluator import Evaluator, FloorResult
from convert.tune.finalist import Finalist, winner_of
from convert.tune.floor import Outcome
from convert.tune.ledger import FILE
from convert.tune.mixed_precision import mixed_variants
from convert.tune.model_cache import ModelCache
from convert.tune.race import MARGINS, Racer, Races
from infer.folders.artifact import ARTIFACT_MANIFEST
from infer.folders.variant import Variant
from targets.profile import Precision, Profile, RuntimeName

FIRST_PRECISIONS = (Precision.FP32, Precision.INT8)
# The other precisions are only converted in this first share of the budget.
CONVERSION_SHARE = 0.3
# Models slower by more than this factor than the fastest that may reach the floor leave the search.
NEAR = 1.3
# How many models' neighbours are tried per pass, and how many passes.
TRIED = 2
PASSES = 2
# Rounds of the first race, which only finds models worth evaluating.
FIRST_ROUNDS = 2


@dataclass(kw_only=True, slots=True)
class Search:
    """A search in progress.

    Attributes:
        entrants: the students.
        races: the races so far.
        answer: the folder of the answer.
        begun_s, deadline_s: times of the monotonic clock; no new work is started after the deadline.
        results: results of evaluated candidates on the search half and the check half, by `Candidate.output_key`.
    """

    profile: Profile
    entrants: list[Entrant]
    runtimes: tuple[RuntimeName, ...]
    models: ModelCache
    evaluator: Evaluator
    races: Races
    answer: Path
    begun_s: float
    deadline_s: float
    results: dict[tuple[Path, tuple[int, ...]], tuple[FloorResult, FloorResult | None]] = field(default_factory=dict)

    def is_out_of_time(self) -> bool:
        """Return whether the budget is spent."""
        return clock.monotonic() > self.deadline_s

    def run(self) -> Finalist | None:
        """Search, and return the winner; None if no variant reaches the floor."""
        candidates = self._first_candidates(FIRST_PRECISIONS)
        earlier = earlier_best(self.answer, self.entrants, self.models)
        if earlier is not None:
            # Only a model that is faster in the same races may replace it, so it is evaluated at once.
            self._evaluate(Racer(candidate=earlier), both=True)
            candidates.append(earlier)
        self._race(candidates, FIRST_ROUNDS)
        spent_s = clock.monotonic() - self.begun_s
        if spent_s < CONVERSION_SHARE * (self.deadline_s - self.begun_s) or self._winner() is None:
            self._race(self._first_candidates(tuple(Precision)), FIRST_ROUNDS)
        if not self.races.racers:
            raise WorkerError("no variant could be converted", f"see the reasons in {self.answer.parent / FILE}")
        for _ in range(PASSES):
            # Settings come first, as they need no conversion; each kind is raced before the next is converted.
            for neighbours in (self._other_settings, self._other_variants, self._mixed_variants):
                if not self.is_out_of_time():
                    self._race(neighbours(), len(MARGINS))
        self._evaluate_rest()
        return self._winner()

    def _first_candidates(self, precisions: tuple[Precision, ...]) -> list[Candidate]:
        """Return every student in some precisions and every runtime, converted as far as time allows."""
        candidates: list[Candidate] = []
        for entrant in self.entrants:
            if not (candidates and self.is_out_of_time()):
                groups = search_space.first_variants(self.profile, entrant, self.runtimes, precisions)
                candidates += self.models.candidates(entrant, groups)
        return candidates

    def _race(self, candidates: Sequence[Candidate], rounds: int) -> None:
        """Race new candidates against the best so far, evaluate the fastest, and write the current answer."""
        new = list({one.label: one for one in candidates if one.label not in self.races.racers}.values())
        if not new:
            return
        self.races.run([*self._promising(), *new], rounds, self.is_out_of_time)
        for racer in self.races.racers.values():
            self._record_times(racer)
            self._recall(racer.candidate)
        self._evaluate_fastest()
        self._write_answer("The search was not finished.")

    def _near(self) -> list[Racer]:
        """Return racers near the fastest that may reach the floor, including faster ones that miss it."""
        ranking = self.races.ranking() if self.races.pacemaker else []
        first = next((racer for racer in ranking if not self._misses(racer)), None)
        if first is None:
            return ranking
        return [racer for racer in ranking if self.races.relative(racer) <= NEAR * self.races.relative(first)]

    def _promising(self) -> list[Candidate]:
        """Return candidates near the fastest that may reach the floor, fastest first."""
        return [racer.candidate for racer in self._near() if not self._misses(racer)]

    def _promising_models(self) -> list[Candidate]:
        """Return the fastest models that may reach the floor, each with its fastest settings."""
        by_model: dict[str, Candidate] = {}
        for candidate in self._promising():
            by_model.setdefault(candidate.model_name, candidate)
        return list(by_model.values())[:TRIED]

    def _results_of(self, candidate: Candidate) -> tuple[FloorResult | None, FloorResult | None]:
        return self.results.get(candidate.output_key, (None, None))

    def _misses(self, racer: Racer) -> bool:
        results = self._results_of(racer.candidate)
        return any(result is not None and result.outcome is not Outcome.MET for result in results)

    def _is_decided(self, racer: Racer) -> bool:
        """Return whether it is known if a racer reaches the floor."""
        search, check = self._results_of(racer.candidate)
        return check is not None or (search is not None and search.outcome is not Outcome.MET)

    def _recall(self, candidate: Candidate) -> None:
        """Use the ledger's results of a candidate, even those of other numbers of threads or of earlier searches."""
        known = self.evaluator.known(candidate) if candidate.output_key not in self.results else None
        if known is not None:
            self.results[candidate.output_key] = known

    def _evaluate_fastest(self) -> None:
        """Evaluate racers, fastest first, until one reaches the floor on both halves or time is up."""
        for racer in self.races.ranking():
            if not self._is_decided(racer):
                if self.results and self.is_out_of_time():
                    return
                self._evaluate(racer, both=True)
            if self._is_decided(racer) and not self._misses(racer):
                return

    def _evaluate(self, racer: Racer, *, both: bool) -> None:
        """Evaluate a racer; one whose model cannot be run drops out."""
        candidate = racer.candidate
        try:
            search = self.evaluator.search_half(candidate)
            check = self.evaluator.check_half(candidate) if both and search.outcome is Outcome.MET else None
        except TinybertError as error:
            racer.failure = str(error)
        else:
            self.results[candidate.output_key] = (search, check)

    def _evaluate_rest(self) -> None:
        """Evaluate the other racers while there is time, for the answer's table."""
        for racer in self.races.ranking():
            if self.is_out_of_time():
                break
            if racer.candidate.output_key not in self.results:
                self._evaluate(racer, both=False)
        if self.is_out_of_time():
            self._write_answer("The budget is spent: more variants could have been tried.")
        else:
            self._write_answer("There is nothing left to try.")

    def _finalists(self) -> list[Finalist]:
        finalists = []
        for racer in self.races.ranking():
            search, check = self._results_of(racer.candidate)
            finalists.append(
                Finalist(
                    candidate=racer.candidate,
                    latency_ns=self.races.latency_ns(racer),
                    rounds=len(racer.medians_ns),
                    search=search,
                    check=check,
                )
            )
        return finalists

    def _winner(self) -> Finalist | None:
        return winner_of(self._finalists())

    def _write_answer(self, progress: str) -> None:
        timed = {racer.candidate.entrant.name for racer in self.races.racers.values()}
        untimed = [entrant.name for entrant in self.entrants if entrant.name not in timed]
        if untimed:
            progress += f" Students without a timed model: {', '.join(untimed)}."
        failed = [f"{name} could not be converted: {cause}." for name, cause in sorted(self.models.failures.items())]
        notes = [*failed, progress]
        write_answer(self._finalists(), self.evaluator.floor, self.profile, self.answer, notes=notes)

    def _other_settings(self) -> list[Candidate]:
        """Return the fastest models with other numbers of threads and other lengths."""
        promising = self._promising()[:TRIED]
        return [other for candidate in promising for other in search_space.settings_near(candidate, self.profile)]

    def _other_variants(self) -> list[Candidate]:
        """Return the fastest models with other rewrites and calibrations."""
        candidates: list[Candidate] = []
        for candidate in self._promising_models():
            candidates += self._convert(candidate, search_space.variants_near(candidate.artifact.variant))
        return candidates

    def _mixed_variants(self) -> list[Candidate]:
        """Return the first mixed variant that reaches the floor, of the fastest int8 model that misses it."""
        missing = [racer.candidate for racer in self._near() if self._misses(racer) and _is_int8(racer.candidate)]
        for candidate in missing[:1]:
            for mixed in mixed_variants(candidate, partial(self._convert, candidate)):
                racer = Racer(candidate=mixed)
                self._evaluate(racer, both=True)
                if not racer.failure and not self._misses(racer):
                    return [mixed]
        return []

    def _convert(self, candidate: Candidate, variants: list[Variant]) -> list[Candidate]:
        """Convert a candidate's student to variants, with the candidate's settings."""
        if self.is_out_of_time():
            return []
        entrant, runtimes = candidate.entrant, (candidate.artifact.runtime,)
        (group,) = search_space.first_variants(self.profile, entrant, runtimes, tuple(Precision))
        models = self.models.candidates(entrant, search_space.grouped_by_base(group, variants))
        return [model.run_with(threads=candidate.threads, buckets=candidate.buckets) for model in models]

    def _record_times(self, racer: Racer) -> None:
        last = max(racer.medians_ns, default=0)
        key = f"{identity(racer.candidate.folder / ARTIFACT_MANIFEST)} {racer.candidate.label} {self.begun_s} {last}"
        if self.models.ledger.get("timed", key) is None:
            result = {"medians_ns": list(racer.medians_ns.values()), "failure": racer.failure}
            self.models.ledger.write("timed", racer.candidate.label, key, result)


def _is_int8(candidate: Candidate) -> bool:
    return candidate.artifact.precision in (Precision.INT8, Precision.INT8_STATIC)

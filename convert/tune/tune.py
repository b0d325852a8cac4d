"""The search: cheapest information first, and at every moment the best so far stands in the output folder.

1. Every precision that the device offers is made of every student in every runtime (size, parity).
2. All race once; whether one reaches the floor is asked from the fastest on, on half of the evaluation sentences.
3. Neighbours of the fastest that reach it (rewrites, calibration, threads, fixed lengths) race against it; so do mixed
   variants of what is faster but misses the floor.
4. The fastest that reaches the floor on the other half, too, is the answer.
"""

import time as clock
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from contract.errors import InputError
from contract.folder import identity
from contract.lock import owned
from contract.progress import note
from convert import calibration
from convert.build import check_whole
from convert.parity import Run
from convert.tune import space
from convert.tune.answer import Finalist, merged, winner_of
from convert.tune.candidate import Candidate, Entrant
from convert.tune.fallback import fallbacks, layers_of
from convert.tune.floor import Floor, Outcome
from convert.tune.judge import Judge
from convert.tune.ledger import Ledger
from convert.tune.models import Models
from convert.tune.race import Racer, Time, race
from convert.tune.settle import settle
from convert.variant import Variant
from convert.write import Origin
from distill.student import STUDENT_MANIFEST, read_evaluation, read_student
from targets.profile import Precision, Profile, RuntimeName

USUAL = (Precision.FP32, Precision.INT8)
# The share of the budget after which no more of the others are made.
MAKING = 0.3
# How much slower than the fastest right one a model may be for its neighbours to be tried.
NEAR = 1.3
# Neighbours of so many models a pass, and passes.
TRIED = 3
PASSES = 2
# Rounds of the first race, which only finds who is worth asking.
FIRST_ROUNDS = 2


@dataclass(kw_only=True, slots=True)
class Search:
    """A search under way.

    Attributes:
        entrants: the students.
        deadline_s: of the monotonic clock; what has begun is ended, nothing new is begun.
        finalists: all that were raced, the fastest first.
        races: how many there were.
    """

    profile: Profile
    entrants: list[Entrant]
    runtimes: tuple[RuntimeName, ...]
    models: Models
    judge: Judge
    time: Time
    out: Path
    deadline_s: float
    finalists: list[Finalist] = field(default_factory=list)
    races: int = 0

    def is_out_of_time(self) -> bool:
        """Tell whether the budget is spent."""
        return clock.monotonic() > self.deadline_s

    def run(self) -> Finalist | None:
        """Search, and return the winner; nothing where no variant reaches the floor."""
        candidates = self._usual()
        if not candidates:
            raise InputError("no variant could be made", f"see {self.out / 'ledger.jsonl'}")
        self._race(candidates, FIRST_ROUNDS)
        tried: set[str] = {candidate.label for candidate in candidates}
        for _ in range(PASSES):
            new = [one for one in self._neighbours() if one.label not in tried]
            if not new or self.is_out_of_time():
                break
            tried |= {one.label for one in new}
            self._race([*self._best(), *new])
        return winner_of(self.finalists)

    def _usual(self) -> list[Candidate]:
        """Make what each runtime's makers advise, and what else is offered while there is time for it."""
        begun_s = clock.monotonic()
        found: dict[Path, Candidate] = {}
        for precisions in (USUAL, tuple(Precision)):
            for entrant in self.entrants:
                if precisions is not USUAL and clock.monotonic() - begun_s > MAKING * (self.deadline_s - begun_s):
                    continue
                length_tokens = entrant.origin.student.max_length_tokens
                plans = space.plans(self.profile, length_tokens, self.runtimes, precisions)
                found |= {one.folder: one for one in self.models.make(entrant, plans)}
        return list(found.values())

    def _race(self, candidates: Sequence[Candidate], rounds: int = 5) -> None:
        """Race some candidates, judge them from the fastest on, and settle what is best so far."""
        self.races += 1
        racers = race(candidates, self.time, seed=self.races, out_of_time=self.is_out_of_time, rounds=rounds)
        for racer in racers:
            self._write(racer)
        before, anchor = self.finalists, winner_of(self.finalists)
        self.finalists = self._judged([racer for racer in racers if racer.medians_ns])
        if anchor is not None:
            self.finalists = merged(self.finalists, before, anchor)
        settle(self.finalists, self.judge.floor, self.profile, self.models.run, self.out)

    def _judged(self, racers: Sequence[Racer]) -> list[Finalist]:
        """Judge racers, the fastest first: the other half is asked only of the first that reach the floor on one."""
        found: list[Finalist] = []
        for racer in racers:
            search = self.judge.search(racer.candidate)
            settled = winner_of(found) is not None
            if settled and self.is_out_of_time():
                break
            met = search.outcome is Outcome.MET
            check = self.judge.check(racer.candidate) if met and not settled else None
            found.append(Finalist(racer=racer, search=search, check=check))
        return found

    def _best(self) -> list[Candidate]:
        winner = winner_of(self.finalists)
        return [winner.candidate] if winner else []

    def _neighbours(self) -> list[Candidate]:
        """Return what may be faster than the best, or as fast and right where that is not."""
        winner = winner_of(self.finalists)
        limit_ns = winner.racer.latency_ns * NEAR if winner else float("inf")
        near = [one for one in self.finalists if one.racer.latency_ns <= limit_ns]
        right = [one.candidate for one in near if one.search.outcome is Outcome.MET][:TRIED]
        wrong = [
            one.candidate
            for one in near
            if one.search.outcome is Outcome.MISSED and (winner is None or one.racer.latency_ns < limit_ns / NEAR)
        ][:1]
        found = []
        for candidate in right:
            found += space.ways_near(candidate, self.profile)
            found += self._make(candidate, space.variants_near(candidate.artifact.variant))
        for candidate in wrong:
            found += self._mixed(candidate)
        return found

    def _make(self, candidate: Candidate, variants: list[Variant]) -> list[Candidate]:
        """Make variants of a candidate's student, to be run as the candidate is."""
        if self.is_out_of_time():
            return []
        entrant = candidate.entrant
        runtimes = (candidate.artifact.runtime,)
        length_tokens = entrant.origin.student.max_length_tokens
        (plan,) = space.plans(self.profile, length_tokens, runtimes, tuple(Precision))
        made = self.models.make(entrant, space.base_plan(plan, variants))
        return [one.run_with(threads=candidate.threads, buckets=candidate.buckets) for one in made]

    def _mixed(self, candidate: Candidate) -> list[Candidate]:
        """Return the first mixed variant of a candidate that reaches the floor, if one does."""
        layers = layers_of(candidate.entrant.origin.folder)
        for mixed in fallbacks(candidate, layers, lambda variants: self._make(candidate, variants)):
            if self.judge.search(mixed).outcome is Outcome.MET:
                return [mixed]
        return []

    def _write(self, racer: Racer) -> None:
        found = {"medians_ns": racer.medians_ns, "failure": racer.failure}
        key = f"{identity(racer.candidate.folder / 'artifact.json')} {self.races} {racer.candidate.label}"
        self.models.ledger.write("timed", racer.candidate.label, key, found)


def tune(
    students: Sequence[Path],
    profile: Profile,
    *,
    floor: Floor,
    budget_s: float,
    out: Path,
    run: Run,
    time: Time,
    runtimes: Sequence[RuntimeName] = (),
) -> Finalist | None:
    """Find the fastest artifact that reaches the floor.

    Args:
        students: their folders, of one task and one evaluation split.
        profile: the device, which must be this machine for the times to mean something.
        floor: to be reached.
        budget_s: after which nothing new is begun.
        out: the folder for the answer (`best/`, `tune.json`, `TUNE.md`), the ledger and the models tried.
        run: runs a model in its runtime.
        time: times a model in its runtime.
        runtimes: only these; all of the profile if not given.

    Returns:
        The winner, which also stands in `best/`; nothing where no variant reaches the floor.

    Raises:
        InputError: a student cannot be used, or they are not of one task and split.
    """
    deadline_s = clock.monotonic() + budget_s
    entrants = [_entrant(folder, profile) for folder in students]
    _check_same(entrants)
    with owned(out):
        ledger = Ledger(out)
        if ledger.entries:
            note(f"found {len(ledger.entries)} entries of an earlier search in {out}")
        search = Search(
            profile=profile,
            entrants=entrants,
            runtimes=tuple(runtimes) or tuple(profile.runtimes),
            models=Models(out=out / "models", run=run, ledger=ledger),
            judge=Judge(run=run, floor=floor, ledger=ledger),
            time=time,
            out=out,
            deadline_s=deadline_s,
        )
        return search.run()


def _entrant(folder: Path, profile: Profile) -> Entrant:
    manifest = read_student(folder)
    check_whole(folder, manifest)
    evaluation = read_evaluation(folder)
    calibration.read(folder, evaluation.tokens)
    if len(evaluation.tokens) < 2:
        raise InputError(f"{folder}: has no two evaluation sentences", "distil again with a validation split")
    order = np.random.default_rng(0).permutation(len(evaluation.tokens))
    return Entrant(
        origin=Origin(
            folder=folder,
            student=manifest,
            identity=identity(folder / STUDENT_MANIFEST),
            evaluation=evaluation.tokens,
            profile=profile,
        ),
        evaluation=evaluation,
        search_rows=np.sort(order[: len(order) // 2]),
        check_rows=np.sort(order[len(order) // 2 :]),
    )


def _check_same(entrants: Sequence[Entrant]) -> None:
    first = entrants[0]
    for other in entrants[1:]:
        same_task = other.task == first.task and other.origin.student.label_names == first.origin.student.label_names
        if not same_task or not np.array_equal(other.evaluation.labels_N, first.evaluation.labels_N):
            raise InputError(
                f"{other.origin.folder}: not of the task and validation split of {first.origin.folder}",
                "tune students of one task together, others in a command of their own",
            )

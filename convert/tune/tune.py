"""Runs a search, from the student folders to its answer."""

import time as clock
from collections.abc import Sequence
from pathlib import Path

from contract.lock import locked
from contract.progress import note
from convert.tune.answer_folder import answer_folder, check_answer_folder
from convert.tune.entrant import check_comparable, load_entrant
from convert.tune.evaluator import Evaluator
from convert.tune.finalist import Finalist
from convert.tune.floor import Floor
from convert.tune.ledger import Ledger
from convert.tune.model_cache import ModelCache
from convert.tune.race import Races
from convert.tune.search import Search
from targets.profile import Profile, RuntimeName


def tune(
    students: Sequence[Path],
    profile: Profile,
    *,
    floor: Floor,
    budget_s: float,
    out: Path,
    runtimes: Sequence[RuntimeName] = (),
) -> Finalist | None:
    """Find the fastest artifact that reaches the floor.

    Args:
        students: student folders with the same task and evaluation split.
        profile: the device, which must be this machine for the latencies to be meaningful.
        floor: the floor.
        budget_s: time after which no new work is started.
        out: the folder of the ledger and of all converted models. Each answer has its own subfolder (`answer_folder`)
            with `best/`, `tune.json` and `TUNE.md`. An earlier answer to the same question takes part in the races, so
            that a slower one cannot replace it.
        runtimes: runtimes to try; by default all of the profile.

    Returns:
        The winner, which is copied to `best/`; None if no variant reaches the floor.

    Raises:
        InputError: a student cannot be used, their tasks or splits differ, or the answer's folder has the answer to a
            different question.
    """
    begun_s = clock.monotonic()
    deadline_s = begun_s + budget_s
    entrants = [load_entrant(folder, profile) for folder in students]
    check_comparable(entrants, floor)
    answer = answer_folder(out, students, floor, runtimes)
    check_answer_folder(answer, entrants, profile)
    with locked(out):
        ledger = Ledger(out)
        if ledger.entries:
            note(f"found {len(ledger.entries)} entries of an earlier search in {out}")
        search = Search(
            profile=profile,
            entrants=entrants,
            runtimes=tuple(runtimes) or tuple(profile.runtimes),
            models=ModelCache(out=out / "models", ledger=ledger, out_of_time=lambda: clock.monotonic() > deadline_s),
            evaluator=Evaluator(floor=floor, ledger=ledger),
            races=Races(),
            answer=answer,
            begun_s=begun_s,
            deadline_s=deadline_s,
        )
        return search.run()

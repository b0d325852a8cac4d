"""The search from its folders to its answer."""

import time as clock
from collections.abc import Sequence
from pathlib import Path

from contract.lock import locked
from contract.progress import note
from convert.tune.answer import Finalist
from convert.tune.enter import check_together, enter
from convert.tune.floor import Floor
from convert.tune.judge import Judge
from convert.tune.ledger import Ledger
from convert.tune.models import Models
from convert.tune.question import answer_folder, check_place
from convert.tune.race import Field
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
        students: their folders, of one task and one evaluation split.
        profile: the device, which must be this machine for the times to mean something.
        floor: to be reached.
        budget_s: after which nothing new is begun.
        out: the folder of the ledger, the models tried, and of each question's answer, in a folder of its own
            (`answer_folder`) with `best/`, `tune.json` and `TUNE.md`. An earlier answer to the same question races
            again, so that none is replaced by a slower one.
        runtimes: only these; all of the profile if not given.

    Returns:
        The winner, which also stands in the answer's `best/`; nothing where no variant reaches the floor.

    Raises:
        InputError: a student cannot be used, they are not of one task and split, or the answer's folder has another
            answer.
    """
    begun_s = clock.monotonic()
    deadline_s = begun_s + budget_s
    entrants = [enter(folder, profile) for folder in students]
    check_together(entrants, floor)
    answer = answer_folder(out, students, floor, runtimes)
    check_place(answer, entrants, profile)
    with locked(out):
        ledger = Ledger(out)
        if ledger.entries:
            note(f"found {len(ledger.entries)} entries of an earlier search in {out}")
        search = Search(
            profile=profile,
            entrants=entrants,
            runtimes=tuple(runtimes) or tuple(profile.runtimes),
            models=Models(out=out / "models", ledger=ledger, out_of_time=lambda: clock.monotonic() > deadline_s),
            judge=Judge(floor=floor, ledger=ledger),
            field=Field(),
            answer=answer,
            begun_s=begun_s,
            deadline_s=deadline_s,
        )
        return search.run()

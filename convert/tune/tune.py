"""The search from its folders to its answer."""

import time as clock
from collections.abc import Sequence
from pathlib import Path

from contract.lock import owned
from contract.progress import note
from convert.loadable import Run, Time
from convert.tune.answer import Finalist
from convert.tune.enter import check_together, enter
from convert.tune.floor import Floor
from convert.tune.judge import Judge
from convert.tune.ledger import Ledger
from convert.tune.models import Models
from convert.tune.race import Field
from convert.tune.search import Search
from convert.tune.settle import check_place
from targets.profile import Profile, RuntimeName


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
    begun_s = clock.monotonic()
    deadline_s = begun_s + budget_s
    entrants = [enter(folder, profile) for folder in students]
    check_together(entrants, floor)
    check_place(out)
    with owned(out):
        ledger = Ledger(out)
        if ledger.entries:
            note(f"found {len(ledger.entries)} entries of an earlier search in {out}")
        search = Search(
            profile=profile,
            entrants=entrants,
            runtimes=tuple(runtimes) or tuple(profile.runtimes),
            models=Models(
                out=out / "models", run=run, ledger=ledger, out_of_time=lambda: clock.monotonic() > deadline_s
            ),
            judge=Judge(run=run, floor=floor, ledger=ledger),
            field=Field(time=time),
            out=out,
            begun_s=begun_s,
            deadline_s=deadline_s,
        )
        return search.run()

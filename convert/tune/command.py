"""`tinybert tune`: the fastest artifact above an accuracy floor."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from convert.command import JsonOption, RuntimeOption, TargetOption

if TYPE_CHECKING:
    from targets.profile import Profile

StudentsArgument = Annotated[list[Path], typer.Argument(help="Student folders of one task.", metavar="STUDENT…")]
FloorOption = Annotated[
    str,
    typer.Option("--floor", help="What must be reached: teacher-1.0 (points below it), student-0.3, or a score: 88.5."),
]
BudgetOption = Annotated[str, typer.Option("--budget", help="Time after which nothing new is begun: 15m, 900s or 1h.")]
OutOption = Annotated[Path | None, typer.Option("--out", help="Folder to write to.  \\[default: tuned/TARGET]")]
UNITS_S = {"s": 1.0, "m": 60.0, "h": 3600.0}


def tune(
    students: StudentsArgument,
    target: TargetOption = "auto",
    floor: FloorOption = "teacher-1.0",
    budget: BudgetOption = "15m",
    runtimes: RuntimeOption = None,
    out: OutOption = None,
    json: JsonOption = False,
) -> None:
    """Find the fastest artifact that still answers right, on this machine.

    Runtimes, precisions, operations kept in float, graph rewrites, fixed lengths and threads are tried; each result
    is on the disk as soon as it is known, so a search can be killed and run again. It may answer `keep fp32`. Each
    question (students, floor, runtimes) has a folder of its own for its answer.
    Exit code 1: nothing reaches the floor.

    Examples:

        tinybert tune runs/sst2/student-1a2b3c4d --floor teacher-1.0

        tinybert tune runs/sst2/student-* --target laptop-x86 --floor 88.5 --budget 1h
    """
    from contract.errors import GateError
    from contract.progress import note
    from convert.plan import runtimes_of
    from convert.tune import floor as floors
    from convert.tune.question import BEST, answer_folder
    from convert.tune.settle import ANSWER, PAGE
    from convert.tune.tune import tune as search

    profile, reason = of_this_machine(target)
    chosen = runtimes_of(profile, runtimes) if runtimes else ()
    note(f"Target {profile.name}: {reason}")
    wanted = floors.parse(floor)
    place = out or students[0].absolute().parent / "tuned" / profile.name
    winner = search(
        students,
        profile,
        floor=wanted,
        budget_s=seconds(budget),
        out=place,
        runtimes=chosen,
    )
    folder = answer_folder(place, students, wanted, chosen)
    typer.echo((folder / (ANSWER if json else PAGE)).read_text(encoding="utf-8"))
    if winner is None:
        raise GateError(f"nothing reaches the floor {floor}", f"lower it or distil better: {folder / PAGE}")
    if not json:
        typer.echo(str(folder / BEST))


def of_this_machine(target: str) -> "tuple[Profile, str]":
    """Return the profile that is asked for, and why it is that one.

    Raises:
        InputError: no such profile, or one whose processor this machine has not.
    """
    from contract.errors import InputError
    from targets.doctor import check_processor, resolve
    from targets.machine import read as facts

    profile, reason = resolve(target)
    for finding in check_processor(profile, facts()):
        cause = f"timings from this machine do not apply to {profile.name}: {finding.cause}"
        raise InputError(cause, "run tinybert tune on the device")
    return profile, reason


def seconds(budget: str) -> float:
    """Read a time such as `15m`.

    Raises:
        InputError: it is none.
    """
    from contract.errors import InputError

    number, unit = budget[:-1], budget[-1:]
    try:
        found = float(number) * UNITS_S[unit]
    except (KeyError, ValueError):
        raise InputError(f"budget {budget!r} is not a duration", "write it as 15m, 900s or 1h") from None
    if not 0 < found < float("inf"):
        raise InputError(f"budget {budget!r} must be positive", "write it as 15m, 900s or 1h")
    return found

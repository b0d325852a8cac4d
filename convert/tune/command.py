"""The `tinybert tune` command."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from convert.command import JsonOption, RuntimeOption, TargetOption, warn
from convert.own_model import DataOption, LabelOption, LengthOption, Rows, TextOption, TextPairOption, student_of

if TYPE_CHECKING:
    from targets.profile import Profile

StudentsArgument = Annotated[
    list[Path],
    typer.Argument(
        help="Student folders, all of the same task; with --data, any BERT-like classifiers.", metavar="STUDENT…"
    ),
]
FloorOption = Annotated[
    str,
    typer.Option(
        "--floor",
        help="Lowest accepted score in points, hundredths of the metric: teacher-1.0 (one point below the teacher), "
        "student-0.3, or 88.5 (in a recipe's teacher.floor, 0.885).",
    ),
]
BudgetOption = Annotated[
    str, typer.Option("--budget", help="Time after which no new work is started: 15m, 900s or 1h.")
]
OutOption = Annotated[Path | None, typer.Option("--out", help="Folder to write to.  \\[default: tuned/TARGET]")]
UNITS_S = {"s": 1.0, "m": 60.0, "h": 3600.0}


def tune(
    students: StudentsArgument,
    target: TargetOption = "auto",
    floor: FloorOption = "teacher-1.0",
    budget: BudgetOption = "15m",
    runtimes: RuntimeOption = None,
    out: OutOption = None,
    data: DataOption = None,
    text: TextOption = None,
    text_pair: TextPairOption = None,
    label: LabelOption = None,
    max_length_tokens: LengthOption = None,
    json: JsonOption = False,
) -> None:
    """Find the fastest artifact above an accuracy floor, on this machine.

    Tries runtimes, precisions, operations kept in float, graph rewrites, fixed lengths and threads. Each result is
    saved as soon as it is known, so a search can be killed and run again. The answer may be to keep fp32. Each
    combination of students, floor and runtimes has its own answer folder.
    Exit code 1: no candidate reaches the floor.

    Examples:

        tinybert tune runs/sst2/student-1a2b3c4d --floor teacher-1.0

        tinybert tune runs/sst2/student-* --target laptop-x86 --floor 88.5 --budget 1h

        tinybert tune my-classifier --data dev.csv --floor student-1
    """
    from contract.errors import GateError
    from contract.progress import note
    from convert.tune.answer import ANSWER, PAGE
    from convert.tune.answer_folder import BEST, answer_folder
    from convert.tune.floor import parse
    from convert.tune.tune import tune as search
    from convert.variants import select_runtimes

    profile, reason = profile_of_this_machine(target)
    selected = select_runtimes(profile, runtimes) if runtimes else ()
    note(f"Target {profile.name}: {reason}")
    parsed_floor = parse(floor)
    note(f"Floor {parsed_floor}: {parsed_floor.description}")
    rows = Rows(data, text, text_pair, label, max_length_tokens)
    students = [student_of(student, rows) for student in students]
    folder = out or students[0].absolute().parent / "tuned" / profile.name
    winner = search(
        students,
        profile,
        floor=parsed_floor,
        budget_s=seconds(budget),
        out=folder,
        runtimes=selected,
    )
    answer = answer_folder(folder, students, parsed_floor, selected)
    typer.echo((answer / (ANSWER if json else PAGE)).read_text(encoding="utf-8"))
    if winner is None:
        raise GateError(
            f"no candidate reaches the floor {floor}",
            f"lower the floor or distil a better student; see {answer / PAGE}",
        )
    for student in students:
        warn(student, [answer / BEST])
    if not json:
        typer.echo(str(answer / BEST))


def profile_of_this_machine(target: str) -> "tuple[Profile, str]":
    """Return the requested profile, and why it was selected.

    Raises:
        InputError: there is no such profile, or this machine does not have its processor.
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
    """Parse a duration such as `15m`.

    Raises:
        InputError: the text is not a positive duration.
    """
    from contract.errors import InputError

    number, unit = budget[:-1], budget[-1:]
    try:
        duration_s = float(number) * UNITS_S[unit]
    except (KeyError, ValueError):
        raise InputError(f"budget {budget!r} is not a duration", "write it as 15m, 900s or 1h") from None
    if not 0 < duration_s < float("inf"):
        raise InputError(f"budget {budget!r} must be positive", "write it as 15m, 900s or 1h")
    return duration_s

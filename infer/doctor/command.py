"""`tinybert doctor`: what works on this machine, and what will not and why."""

import json as json_module
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from infer.doctor.report import Report
    from infer.doctor.trial import Tried


def doctor(
    target: Annotated[
        str, typer.Option("--target", help="Device profile: a name, a TOML file, or auto for the one that fits.")
    ] = "auto",
    json: Annotated[bool, typer.Option("--json", help="Print machine-readable output.")] = False,
) -> None:
    """Try each runtime on this machine, and say what will not work and why, before anything is trained for it.

    Each runtime loads and runs tiny models in fp32 and int8, whose answers are known, in processes of their own. The
    exit code is 0 if all runtimes that are installed work and there is at least one, and else 4.

    Examples:

        tinybert doctor

        tinybert doctor --target raspberry-pi-5

        tinybert doctor --json
    """
    from infer.doctor.report import examine

    report = examine(target)
    if json:
        typer.echo(json_module.dumps(_values(report), indent=2))
    else:
        for line in _lines(report):
            typer.echo(line if line.isprintable() else ascii(line))
    report.check()


def _lines(report: "Report") -> list[str]:
    facts = report.facts
    glibc = f", glibc {facts.glibc}" if facts.glibc else ""
    chosen = [f"target {report.profile.name}: {report.reason}"] if report.profile else []
    findings = [f"{it.severity}: {it.subject}: {it.cause}; {it.cure}" for it in report.findings]
    return [f"{facts}, Python {facts.python}{glibc}", *chosen, *map(_line, report.runtimes), *findings]


def _line(tried: "Tried") -> str:
    trials = [f"{trial.precision} {'works' if trial.works else 'fails'}" for trial in tried.trials]
    return "  ".join([f"{tried.runtime:<9}", *(trials or [tried.state]), tried.version]).rstrip()


def _values(report: "Report") -> dict[str, Any]:
    return {
        "machine": {**asdict(report.facts), "kernel": report.kernel},
        "target": report.profile.name if report.profile else None,
        "reason": report.reason,
        "runtimes": [
            {
                "runtime": tried.runtime,
                "version": tried.version,
                "state": tried.state,
                "models": [
                    {"precision": trial.precision, "works": trial.works, "differs": trial.differs}
                    for trial in tried.trials
                ],
            }
            for tried in report.runtimes
        ],
        "findings": [asdict(finding) for finding in report.findings],
        "readings": {name: asdict(reading) for name, reading in report.readings.items()},
    }

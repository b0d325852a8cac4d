"""`tinybert targets`: list the device profiles, and show which of them fits this machine."""

import json as json_module
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.table import Table

    from targets.machine import Facts
    from targets.profile import Profile


def targets(
    name: Annotated[
        str | None, typer.Argument(help="The profile to show: a name, a TOML file, or auto for this machine's.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print machine-readable output.")] = False,
) -> None:
    """List the device profiles, or show one with its sources and how well this machine fits it.

    Examples:

        tinybert targets

        tinybert targets raspberry-pi-5

        tinybert targets auto --json
    """
    from targets import machine

    facts = machine.read()
    if name is None:
        _list(facts, json=json)
    else:
        _show(name, facts, json=json)


def _list(facts: "Facts", *, json: bool) -> None:
    from contract.errors import InputError
    from targets import doctor
    from targets.profile import names, read

    profiles = [read(name) for name in names()]
    try:
        chosen, reason = doctor.choose(facts)
        here: str | None = chosen.name
    except InputError as error:
        here, reason = None, str(error)
    if json:
        values = [profile.model_dump(mode="json") for profile in profiles]
        _print_json({"targets": values, "this_machine": {**asdict(facts), "target": here, "reason": reason}})
        return
    from rich.console import Console

    console = Console(highlight=False, markup=False)
    console.print(_overview(profiles, here))
    console.print(f"{here}: {reason}" if here else reason, soft_wrap=True)


def _show(name: str, facts: "Facts", *, json: bool) -> None:
    from targets import doctor

    profile, reason = doctor.resolve(name)
    findings = doctor.check(profile, facts)
    if json:
        values = [asdict(finding) for finding in findings]
        _print_json({"target": profile.model_dump(mode="json"), "reason": reason, "findings": values})
        return
    from rich.console import Console

    console = Console(highlight=False, markup=False)
    console.print(f"{profile.title} ({profile.name}): {reason}", soft_wrap=True)
    console.print(_facts(profile), _versions(profile))
    if not findings:
        console.print("This machine fits.")
    for finding in findings:
        text = f"{finding.severity}: {finding.subject}: {finding.cause}; {finding.cure}"
        console.print(text, soft_wrap=True)


def _overview(profiles: "list[Profile]", here: str | None) -> "Table":
    from rich.box import SIMPLE
    from rich.table import Column, Table

    name = Column("target", no_wrap=True)  # users copy the name
    table = Table(name, "processor", "MiB", "runtimes", "lengths", "p90 ms", box=SIMPLE, padding=(0, 1, 0, 0))
    for profile in profiles:
        table.add_row(
            f"{profile.name}\n(this machine)" if profile.name == here else profile.name,
            f"{profile.arch} {', '.join(profile.isa_features)}",
            f"{profile.memory_bytes / 2**20:,.0f}",
            _runtimes(profile),
            ", ".join(map(str, profile.length_buckets_tokens)),
            f"{profile.budget.latency_p90_ns / 1e6:g}",
        )
    return table


def _runtimes(profile: "Profile") -> str:
    """Return the runtimes, grouped by precisions."""
    by_precisions: dict[str, list[str]] = {}
    for runtime, precisions in profile.runtimes.items():
        by_precisions.setdefault(", ".join(precisions), []).append(runtime)
    return "; ".join(f"{', '.join(runtimes)}: {precisions}" for precisions, runtimes in by_precisions.items())


def _limits(by_metric: "Mapping[str, float]") -> str:
    """Return the limits, each with its metrics."""
    by_limit: dict[float, list[str]] = {}
    for metric, limit in by_metric.items():
        by_limit.setdefault(limit, []).append(metric)
    return "; ".join(f"{limit:g} of {', '.join(metrics)}" for limit, metrics in by_limit.items())


def _facts(profile: "Profile") -> "Table":
    from rich.table import Column, Table

    budget = profile.budget
    values = {
        "models": ", ".join(profile.models),
        "arch": profile.arch,
        "isa_features": ", ".join(profile.isa_features),
        "memory_bytes": f"{profile.memory_bytes / 2**20:,.0f} MiB",
        "threads": str(profile.threads),
        "length_buckets_tokens": ", ".join(map(str, profile.length_buckets_tokens)),
        **{f"runtimes.{runtime}": ", ".join(precisions) for runtime, precisions in profile.runtimes.items()},
        "budget.latency_p90_ns": f"{budget.latency_p90_ns / 1e6:g} ms",
        "budget.peak_memory_bytes": f"{budget.peak_memory_bytes / 2**20:,.0f} MiB",
        "budget.size_bytes": f"{budget.size_bytes / 2**20:,.0f} MiB",
        "budget.quality_drop": _limits(budget.quality_drop),
    }
    table = Table(Column("fact", no_wrap=True), "value", "source")
    for key, value in values.items():
        if value:
            source = profile.sources.get(key) or profile.sources[key.partition(".")[0]]
            table.add_row(key, value, source)
    return table


def _versions(profile: "Profile") -> "Table":
    from rich.table import Table

    table = Table("package", "versions", "where", "why", "source")
    for needed in profile.requires:
        table.add_row(needed.name, f"needs {needed.specifier}", needed.marker, needed.reason, needed.source)
    for bad in profile.known_bad:
        table.add_row(bad.name, f"not {bad.specifier or 'at all'}", bad.marker, bad.reason, bad.source)
    return table


def _print_json(value: dict[str, Any]) -> None:
    typer.echo(json_module.dumps(value, indent=2))

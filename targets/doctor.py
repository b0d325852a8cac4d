"""Check whether a machine fits a profile, and choose a profile for a machine."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata
from typing import Literal, get_args

from contract.errors import InputError, install
from targets import isa, machine
from targets.machine import Facts
from targets.profile import Condition, Profile, RuntimeName, names, read
from targets.runtimes import RUNTIMES

AUTO = "auto"

# Firmware, graphics and the kernel reserve part of the memory: a Zero 2 W with 512 MiB reports about 420.
USABLE_MEMORY = 0.75

# The extra that installs a distribution. Only a runtime that needs an old NumPy requires NumPy; its extra installs it.
_EXTRAS = {
    "numpy": "tflite-runtime",
    **{name: extra for runtime in RuntimeName for name, extra in RUNTIMES[runtime].extras.items()},
}

Installed = Callable[[str], str | None]
Severity = Literal["error", "warning", "note"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """One way in which a machine does not fit a profile.

    Attributes:
        subject: the profile's key, or the package.
        severity: an `error` makes results on this machine wrong or impossible; a `warning` does not; a `note` is only
            to be known.
    """

    subject: str
    severity: Severity
    cause: str
    cure: str


def installed_version(name: str) -> str | None:
    """Return the version of an installed distribution, or None if it is not installed."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def check(profile: Profile, facts: Facts | None = None, installed: Installed = installed_version) -> list[Finding]:
    """Compare a machine with a profile.

    Args:
        profile: the profile.
        facts: the machine; this machine if not given.
        installed: returns the version of a distribution on the machine, or None.

    Returns:
        The findings, errors first; empty if the machine fits.
    """
    facts = facts or machine.read()
    findings = [*check_processor(profile, facts), *_resources(profile, facts), *_packages(profile, facts, installed)]
    return worst_first(findings)


def worst_first(findings: list[Finding]) -> list[Finding]:
    """Return findings with errors first and notes last."""
    severities = get_args(Severity)
    return sorted(findings, key=lambda finding: severities.index(finding.severity))


def choose(facts: Facts | None = None) -> tuple[Profile, str]:
    """Choose a machine's profile: by its model, or else the profile that requires most of its processor features.

    Args:
        facts: the machine; this machine if not given.

    Returns:
        The profile, and the reason for the choice in one sentence.

    Raises:
        InputError: no profile fits.
    """
    facts = facts or machine.read()
    profiles = [read(name) for name in names()]
    possible = [
        profile
        for profile in profiles
        if profile.arch == facts.arch and not isa.missing(profile.isa_features, facts.isa_features)
    ]
    for profile in possible:
        if profile.is_model(facts.model):
            return profile, f"this machine calls itself {facts.model}"
    general = [profile for profile in possible if not profile.models]
    if not general:
        raise InputError(
            f"no profile fits this machine ({facts})",
            f"choose one with --target ({', '.join(names())}) or write your own as a TOML file",
        )
    best = max(general, key=lambda profile: len(profile.isa_features))
    return best, f"this machine ({facts.model}) is {facts.arch} with {', '.join(best.isa_features)}"


def resolve(name: str) -> tuple[Profile, str]:
    """Read a profile by name or from a TOML file, or choose this machine's for `auto`.

    Returns:
        The profile, and the reason for the choice in one sentence.

    Raises:
        InputError: no such profile, an invalid profile, or no profile fits this machine.
    """
    if name == AUTO:
        return choose()
    return read(name), f"{name} was asked for"


def check_processor(profile: Profile, facts: Facts) -> list[Finding]:
    """Compare a machine's processor and model with a profile; after a finding its times do not apply."""
    if profile.arch != facts.arch:
        is_32_bit = facts.arch in ("armv7l", "i686")
        cure = "use a 64-bit system, or a target for 32 bits" if is_32_bit else "choose another target"
        return [_error("arch", f"the user space is {facts.arch}, not {profile.arch}", cure)]
    findings = []
    missing = isa.missing(profile.isa_features, facts.isa_features)
    if missing:
        cause = f"the processor has no {', '.join(missing)} ({facts.model})"
        findings.append(_error("isa_features", cause, "choose a target that requires less"))
    if profile.models and not profile.is_model(facts.model):
        cause = f"this is {facts.model}, not {profile.title}"
        findings.append(_warning("models", cause, "outputs can be compared, times cannot: measure on the device"))
    return findings


def _resources(profile: Profile, facts: Facts) -> list[Finding]:
    findings = []
    if facts.memory_bytes < USABLE_MEMORY * profile.memory_bytes:
        cause = f"{facts.memory_bytes / 2**20:,.0f} MiB of memory, not {profile.memory_bytes / 2**20:,.0f}"
        findings.append(_warning("memory_bytes", cause, "close other programs, or lift the container's limit"))
    if facts.cores < profile.threads:
        cause = f"{facts.cores} cores for {profile.threads} threads"
        findings.append(_warning("threads", cause, "give the process more cores, or lower `threads` in a copy"))
    return findings


def _packages(profile: Profile, facts: Facts, installed: Installed) -> list[Finding]:
    findings: list[Finding] = []
    for bad in profile.known_bad:
        if not _holds(bad, facts):
            continue
        version = _version(bad, facts, installed)
        if not bad.specifier:
            findings.append(_warning(bad.name, f"{bad.name} {bad.reason}", "do not use that runtime here"))
        elif version is not None and _matches(bad, version):
            cause = f"{bad.name} {version} {bad.reason} ({bad.source})"
            # A runtime that the profile does not require has a replacement; torch has none.
            is_replaced = bad.name in _EXTRAS and all(needed.name != bad.name for needed in profile.requires)
            cure = f"pip uninstall {bad.name}" if is_replaced else f"pip install '{bad.name}!={version}'"
            findings.append(_error(bad.name, cause, f"run: {cure}"))
    for needed in profile.requires:
        if _holds(needed, facts):
            findings += _requirement(needed, _version(needed, facts, installed))
    return findings


def _requirement(needed: Condition, version: str | None) -> list[Finding]:
    is_system = needed.name in ("glibc", "python")
    if version is None:
        if is_system:
            cause = f"no {needed.name}, and {needed.reason}"
            return [_error(needed.name, cause, f"use a system with {needed.name}{needed.specifier}")]
        cure = f"{install(_EXTRAS.get(needed.name, 'device'))} if you want it"
        return [_warning(needed.name, f"{needed.name} is not installed", cure)]
    if _matches(needed, version):
        return []
    cure = f"run: pip install '{needed.name}{needed.specifier}'"
    if is_system:
        cure = f"use a system with {needed.name}{needed.specifier}"
    return [_error(needed.name, f"{needed.name} {version} is not {needed.specifier}: {needed.reason}", cure)]


def _version(condition: Condition, facts: Facts, installed: Installed) -> str | None:
    system = {"glibc": facts.glibc, "python": facts.python}
    return system[condition.name] if condition.name in system else installed(condition.name)


def _holds(condition: Condition, facts: Facts) -> bool:
    from packaging.markers import Marker

    return not condition.marker or Marker(condition.marker).evaluate({"sys_platform": facts.system})


def _matches(condition: Condition, version: str) -> bool:
    from packaging.specifiers import SpecifierSet

    return SpecifierSet(condition.specifier).contains(version, prereleases=True)


def _error(subject: str, cause: str, cure: str) -> Finding:
    return Finding(subject=subject, severity="error", cause=cause, cure=cure)


def _warning(subject: str, cause: str, cure: str) -> Finding:
    return Finding(subject=subject, severity="warning", cause=cause, cure=cure)

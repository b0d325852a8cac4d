"""All that the doctor says of this machine."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from contract.errors import InputError, WorkerError, install
from infer.doctor import readings
from infer.doctor.readings import Reading
from infer.doctor.trial import Tried, try_runtime
from infer.runtimes import RUNTIMES
from targets import doctor, machine
from targets.doctor import AUTO, Finding
from targets.machine import Facts
from targets.profile import Profile, RuntimeName

WIDE_POINTER_BITS = 64


@dataclass(frozen=True, kw_only=True, slots=True)
class Report:
    """What the doctor found.

    Attributes:
        kernel: the instruction set of the kernel, which may be wider than that of the user space.
        profile: the profile that was asked for, or else the one that fits; None if none does.
        reason: the reason for the choice.
        findings: what will not work and what is to be known, the worst first.
    """

    facts: Facts
    kernel: str
    profile: Profile | None
    reason: str
    runtimes: tuple[Tried, ...]
    readings: dict[str, Reading]
    findings: list[Finding]

    @property
    def working(self) -> list[Tried]:
        """The runtimes that work."""
        return [tried for tried in self.runtimes if tried.state == "works"]

    def check(self) -> None:
        """Check that there is a runtime, and that all that are installed work.

        Raises:
            WorkerError: there is none, or one does not work.
        """
        failing = [tried.runtime.value for tried in self.runtimes if tried.state == "fails"]
        if failing:
            raise WorkerError(f"{' and '.join(failing)} cannot be used on this machine", "see the errors above")
        if not self.working:
            extras = ", ".join(RUNTIMES[tried.runtime].extra for tried in self.runtimes)
            raise WorkerError("no runtime is installed", f"{install('device')} (or one of {extras})")


def examine(
    target: str = AUTO,
    *,
    root: Path = machine.ROOT,
    try_one: Callable[[RuntimeName, Profile | None], Tried] = try_runtime,
) -> Report:
    """Examine this machine.

    Args:
        target: the profile to compare it with: a name, a TOML file, or `auto` for the one that fits.
        root: root of the file system.
        try_one: tries a runtime.

    Raises:
        InputError: no such profile, or an invalid one.
    """
    facts = machine.read(root)
    kernel = machine.architecture(pointer_bits=WIDE_POINTER_BITS)
    profile, reason, unfitting = _profile(target, facts)
    tried = tuple(try_one(runtime, profile) for runtime in RuntimeName)
    read = readings.read(root)
    findings = [
        *unfitting,
        *check_user_space(facts.arch, kernel),
        *(finding for one in tried for finding in one.findings),
        *(doctor.check(profile, facts) if profile else _missing(tried)),
        *readings.check(read, root),
    ]
    return Report(
        facts=facts,
        kernel=kernel,
        profile=profile,
        reason=reason,
        runtimes=tried,
        readings=read,
        findings=doctor.worst_first(findings),
    )


def check_user_space(arch: str, kernel: str) -> list[Finding]:
    """Compare the user space, whose width decides which wheels can be installed, with the kernel."""
    if arch == kernel:
        return []
    cause = f"the user space is {arch} (32 bits) on a {kernel} kernel, and only few runtimes have wheels for it"
    cure = "install the 64-bit system, or keep to a target for 32 bits"
    return [Finding(subject="arch", severity="warning", cause=cause, cure=cure)]


def _profile(target: str, facts: Facts) -> tuple[Profile | None, str, list[Finding]]:
    if target != AUTO:
        return *doctor.resolve(target), []
    try:
        return *doctor.choose(facts), []
    except InputError as error:
        cure = "write one from what was seen here: tinybert target new NAME"
        return None, error.cause, [Finding(subject="target", severity="warning", cause=error.cause, cure=cure)]


def _missing(tried: tuple[Tried, ...]) -> list[Finding]:
    """Return the runtimes that are not installed; where a profile fits, it says which of them it needs."""
    names = [one.runtime.value for one in tried if one.state == "not installed"]
    return [
        Finding(
            subject=name,
            severity="warning",
            cause=f"{name} is not installed",
            cure=f"{install(RUNTIMES[name].extra)} if you want it",
        )
        for name in names
    ]

"""What a measurement reads of this machine, and why some of it cannot be read (see infer/worker/conditions.py)."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from infer.worker import conditions
from targets import machine
from targets.doctor import Finding

ROOT = conditions.ROOT
PROCESSOR = "proc/cpuinfo"
CORES = "sys/devices/system/cpu"
CURE = "let the process read it, or measure outside the container"

Value = float | int | bool | str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Reading:
    """One thing that a measurement reads.

    Attributes:
        value: what was read; None if nothing was.
        reason: why nothing was read.
    """

    value: Value
    reason: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Source:
    """Where a reading comes from: a pattern of files below the root of the file system."""

    files: str
    read: Callable[[Path], Value]


def _isa_features(root: Path) -> str | None:
    features = ", ".join(machine.isa_features(root))
    return features or ("none that matter" if conditions.read_text(root / PROCESSOR) else None)


SOURCES = {
    "isa_features": _Source(files=PROCESSOR, read=_isa_features),
    "frequency_khz": _Source(files=f"{CORES}/cpu[0-9]*/cpufreq/scaling_cur_freq", read=conditions.frequency_khz),
    "governor": _Source(files=f"{CORES}/cpu[0-9]*/cpufreq/scaling_governor", read=conditions.governor),
    "temperature_millicelsius": _Source(
        files="sys/class/thermal/thermal_zone*/temp", read=conditions.temperature_millicelsius
    ),
}


def read(root: Path = ROOT) -> dict[str, Reading]:
    """Read everything below a root."""
    return {name: _read(source, root) for name, source in SOURCES.items()}


def check(readings: dict[str, Reading], root: Path = ROOT) -> list[Finding]:
    """Return what the readings and the files of a Linux system show that a user should know."""
    silent = {name: reading.reason for name, reading in readings.items() if reading.value is None}
    findings = [
        Finding(subject=name, severity="warning", cause=f"unknown: {reason}", cure=CURE)
        for name, reason in silent.items()
        if not reason.startswith("no ")
    ]
    missing = _missing(root)
    absent = [
        name for name, reason in silent.items() if reason.startswith("no ") and SOURCES[name].files not in missing
    ]
    if absent:
        cause = f"this machine does not report {', '.join(absent)}, as virtual ones do not; records leave them empty"
        cure = "measure outside the container, if this is one"
        findings.append(Finding(subject="readings", severity="note", cause=cause, cure=cure))
    for name in missing:
        cause = f"no /{name}: runtimes that look there may crash, hang or choose slow kernels"
        cure = f"mount /{name.partition('/')[0]}"
        findings.append(Finding(subject="processor", severity="warning", cause=cause, cure=cure))
    return findings


def _missing(root: Path) -> list[str]:
    """Return what every Linux has for runtimes to know the processor by, and this one has not."""
    is_linux = (root / "proc").exists() or (root / "sys").exists()
    return [name for name in (PROCESSOR, CORES) if is_linux and not (root / name).exists()]


def _read(source: _Source, root: Path) -> Reading:
    value = source.read(root)
    return Reading(value=value, reason="" if value is not None else _reason(source.files, root))


def _reason(pattern: str, root: Path) -> str:
    """Return why nothing was read from some files."""
    files = sorted(root.glob(pattern))
    if not files:
        return f"no /{pattern}"
    try:
        files[0].read_bytes()
    except OSError as error:
        return f"/{files[0].relative_to(root)} cannot be read ({error.strerror})"
    return f"/{files[0].relative_to(root)} does not say"

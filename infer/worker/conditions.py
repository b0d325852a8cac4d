"""The current conditions on the machine and in this process. Standard library and psutil, because workers import it.

What psutil lacks is read below a root folder, so that tests can give the /proc and /sys of other machines.
None: not reported by this machine.
"""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path

ROOT = Path("/")
VCGENCMD_TIMEOUT_S = 2.0
CPUFREQ = "sys/devices/system/cpu"

Conditions = dict[str, float | int | bool | None]


def read(root: Path = ROOT) -> Conditions:
    """Return the fields of infer.worker.reply.Conditions."""
    return {
        "load_average": load_average(),
        "steal_jiffies": steal_jiffies(),
        "involuntary_switches": involuntary_switches(),
        "frequency_khz": frequency_khz(root),
        "temperature_millicelsius": temperature_millicelsius(root),
        "throttled_bits": throttled_bits(root),
        "on_battery": on_battery(),
        "asleep_ns": asleep_ns(),
    }


def load_average() -> float | None:
    """Return the load average over the last minute."""
    try:
        return os.getloadavg()[0]  # not psutil's, which on Windows starts at zero in each process
    except (AttributeError, OSError):
        return None


def steal_jiffies() -> int | None:
    """Return the time that the hypervisor gave to others since boot, summed over all cores."""
    import psutil

    try:
        steal_s = getattr(psutil.cpu_times(), "steal", None)  # Linux only
    except OSError:
        return None
    return None if steal_s is None else round(steal_s * os.sysconf("SC_CLK_TCK"))


def involuntary_switches() -> int | None:
    """Return the involuntary context switches of all threads of this process since its start."""
    if sys.platform == "win32":
        return None
    import resource

    # On Linux psutil counts only those of the main thread.
    return resource.getrusage(resource.RUSAGE_SELF).ru_nivcsw


def frequency_khz(root: Path = ROOT) -> int | None:
    """Return the mean current clock frequency of the cores."""
    # psutil averages over groups of cores that share a clock, and falls back to the nominal frequency.
    frequencies = _numbers((root / CPUFREQ).glob("cpu[0-9]*/cpufreq/scaling_cur_freq"))
    return sum(frequencies) // len(frequencies) if frequencies else None


def governor(root: Path = ROOT) -> str | None:
    """Return the frequency governor, or the governors joined by `+` if cores differ."""
    # Not in psutil.
    files = sorted((root / CPUFREQ).glob("cpu[0-9]*/cpufreq/scaling_governor"))
    return "+".join(dict.fromkeys(filter(None, (read_text(file).strip() for file in files)))) or None


def temperature_millicelsius(root: Path = ROOT) -> int | None:
    """Return the temperature of the hottest thermal zone."""
    # psutil reads thermal zones only if there are no other sensors, which may be those of a disk or a radio.
    return max(_numbers((root / "sys/class/thermal").glob("thermal_zone*/temp")), default=None)


def throttled_bits(root: Path = ROOT) -> int | None:
    """Return Raspberry Pi's get_throttled word: bits 0 to 3 are current, 16 to 19 are since boot."""
    # Not in psutil.
    word = read_text(root / "sys/devices/platform/soc/soc:firmware/get_throttled").strip()
    if not word and root == ROOT:
        word = _vcgencmd().partition("=")[2].strip()
    try:
        return int(word, 16) if word else None
    except ValueError:
        return None


def on_battery() -> bool | None:
    """Return whether a battery is discharging."""
    import psutil

    sensor = getattr(psutil, "sensors_battery", None)
    battery = sensor() if sensor else None
    return None if battery is None or battery.power_plugged is None else not battery.power_plugged


def asleep_ns() -> int | None:
    """Return the time that the machine has slept since boot."""
    if not hasattr(time, "CLOCK_BOOTTIME"):  # Linux only
        return None
    # The first counts on through sleep; both are read at once, as nearly as Python can.
    return max(0, time.clock_gettime_ns(time.CLOCK_BOOTTIME) - time.clock_gettime_ns(time.CLOCK_MONOTONIC))


def threads() -> int | None:
    """Return the number of threads of this process."""
    import psutil

    try:
        return int(psutil.Process().num_threads())
    except psutil.Error:
        return None


def emulated(arch: str, root: Path = ROOT) -> bool:
    """Return whether this process runs under an emulator, which makes its times meaningless.

    Args:
        arch: instruction set of the user space.
        root: root of the file system.
    """
    # Not in psutil. QEMU in user mode forges /proc/self/maps, but not this one.
    if "qemu-" in read_text(root / "proc/thread-self/maps"):
        return True
    vendor = "vendor_id" in read_text(root / "proc/cpuinfo")
    return vendor and arch not in ("x86_64", "i686", "s390x")


def read_text(path: Path) -> str:
    """Return a file's text; empty if the file is absent or not readable."""
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _numbers(files: Iterable[Path]) -> list[int]:
    texts = (read_text(file).strip() for file in files)
    return [int(text) for text in texts if text.lstrip("-").isdigit()]


def _vcgencmd() -> str:
    command = shutil.which("vcgencmd")
    if not command:
        return ""
    try:
        return subprocess.run(
            [command, "get_throttled"], capture_output=True, text=True, check=True, timeout=VCGENCMD_TIMEOUT_S
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return ""  # no such device, or no permission

"""Resident memory of this process. Standard library, and psutil if there is no /proc, because workers import it.

The peak is VmHWM: ru_maxrss survives exec on Linux, so a small worker would report the size of its parent.
"""

import os
import re
import sys
from pathlib import Path

from infer.worker.conditions import read_text

STATUS = Path("/proc/self/status")


def resident_bytes(status: Path = STATUS) -> int:
    """Return the current resident memory."""
    # psutil has no VmHWM, and importing it just for this would add 0.7 MiB to the measurement.
    resident = _field(status, "VmRSS")
    if resident is not None:
        return resident
    import psutil

    return int(psutil.Process().memory_info().rss)


def peak_bytes(status: Path = STATUS) -> tuple[int, str]:
    """Return the highest resident memory since the process began, and the source of that number."""
    value, source = _peak(status)
    arenas = os.environ.get("MALLOC_ARENA_MAX")
    return value, f"{source} with MALLOC_ARENA_MAX={arenas}" if arenas else source


def _peak(status: Path) -> tuple[int, str]:
    peak = _field(status, "VmHWM")
    if peak is not None:
        return peak, "VmHWM"
    if sys.platform == "win32":
        import psutil

        return int(psutil.Process().memory_info().peak_wset), "peak_wset"
    import resource

    # Bytes on macOS, KiB elsewhere.
    scale = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * scale, "ru_maxrss"


def _field(status: Path, name: str) -> int | None:
    line = re.search(rf"^{name}:\s*(\d+) kB", read_text(status), re.MULTILINE)
    return int(line[1]) * 1024 if line else None

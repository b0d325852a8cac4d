"""Resident memory of this process. Standard library, and psutil where there is no /proc: workers import it.

The peak is VmHWM: ru_maxrss survives exec on Linux, so a small worker would report the size of its parent.
"""

import os
import re
import sys
from pathlib import Path

from infer.worker.conditions import read_text

STATUS = Path("/proc/self/status")


def resident_bytes(status: Path = STATUS) -> int:
    """Return the resident memory now."""
    # psutil has no VmHWM, and importing it only for this would add 0.7 MiB to what is measured.
    found = _field(status, "VmRSS")
    if found is not None:
        return found
    import psutil

    return int(psutil.Process().memory_info().rss)


def peak_bytes(status: Path = STATUS) -> tuple[int, str]:
    """Return the highest resident memory since the process began, and where that was read."""
    value, source = _peak(status)
    arenas = os.environ.get("MALLOC_ARENA_MAX")
    return value, f"{source} with MALLOC_ARENA_MAX={arenas}" if arenas else source


def _peak(status: Path) -> tuple[int, str]:
    found = _field(status, "VmHWM")
    if found is not None:
        return found, "VmHWM"
    if sys.platform == "win32":
        import psutil

        return int(psutil.Process().memory_info().peak_wset), "peak_wset"
    import resource

    # Bytes on macOS, KiB elsewhere.
    scale = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * scale, "ru_maxrss"


def _field(status: Path, name: str) -> int | None:
    found = re.search(rf"^{name}:\s*(\d+) kB", read_text(status), re.MULTILINE)
    return int(found[1]) * 1024 if found else None

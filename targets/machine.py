"""Facts about this machine that are needed to choose a profile and to judge a measurement.

Facts that neither platform nor psutil has are read from files below a root folder, so that tests can use the /proc and
/sys of other machines.
"""

import os
import platform
import struct
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from targets import isa

ROOT = Path("/")

_ARCH = {"arm64": "aarch64", "amd64": "x86_64", "x64": "x86_64"}
# A 64-bit kernel names its own instruction set even to a 32-bit user space, which can load 32-bit wheels only.
_ARCH_32_BIT = {"aarch64": "armv7l", "armv8l": "armv7l", "x86_64": "i686"}
# MIDR implementer and part numbers, from the technical reference manual of each core.
_CORES = {("0x41", "0xd03"): "Cortex-A53", ("0x41", "0xd08"): "Cortex-A72", ("0x41", "0xd0b"): "Cortex-A76"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Facts:
    """The facts about a machine that a profile is compared with.

    Attributes:
        arch: instruction set of the user space.
        isa_features: names from targets.isa.FEATURES.
        model: name of the board, or else of the processor.
        memory_bytes: main memory that the system can use.
        cores: number of cores that this process may use.
        system: `linux`, `darwin` or `win32`.
        python: version of the interpreter.
        glibc: version of glibc; None with another C library.
    """

    arch: str
    isa_features: tuple[str, ...]
    model: str
    memory_bytes: int
    cores: int
    system: str
    python: str
    glibc: str | None

    def __str__(self) -> str:
        features = ", ".join(self.isa_features) or "no known feature"
        return f"{self.model}: {self.arch} with {features}, {self.memory_bytes / 2**20:,.0f} MiB, {self.cores} cores"


def read(root: Path = ROOT) -> Facts:
    """Read all facts about this machine."""
    library, version = platform.libc_ver()
    return Facts(
        arch=architecture(),
        isa_features=isa_features(root),
        model=model_name(root),
        memory_bytes=memory_bytes(),
        cores=cores(root),
        system=sys.platform,
        python=platform.python_version(),
        glibc=version if library == "glibc" else None,
    )


def architecture(machine: str | None = None, pointer_bits: int | None = None) -> str:
    """Return the instruction set of the user space, by its Linux name.

    Args:
        machine: the system's name for the processor; read from the system if not given.
        pointer_bits: width of pointers; that of this interpreter if not given.
    """
    name = (machine or platform.machine()).lower()
    name = _ARCH.get(name, name)
    bits = pointer_bits or 8 * struct.calcsize("P")
    return _ARCH_32_BIT.get(name, name) if bits == 32 else name


def isa_features(root: Path = ROOT) -> tuple[str, ...]:
    """Return the features from targets.isa.FEATURES that all cores have; empty where the system reports none."""
    text = _text(root / "proc/cpuinfo")
    if text:
        return isa.from_cpuinfo(text)
    if sys.platform == "darwin":
        return isa.from_sysctl(_sysctl("hw.optional"))
    if sys.platform == "win32":
        import ctypes

        return isa.from_windows(ctypes.windll.kernel32.IsProcessorFeaturePresent)
    return ()


def model_name(root: Path = ROOT) -> str:
    """Return the board's name, or else the processor's; at worst the instruction set."""
    # On Linux platform.processor() returns the instruction set or nothing, not the processor.
    for name in ("proc/device-tree/model", "sys/firmware/devicetree/base/model"):
        board = _text(root / name).strip("\0 \n")
        if board:
            return board
    processor = _processor(_text(root / "proc/cpuinfo"))
    if not processor and sys.platform == "darwin":
        processor = _sysctl("machdep.cpu.brand_string").partition(":")[2].strip()
    return processor or platform.processor() or architecture()


def memory_bytes() -> int:
    """Return the main memory that the system can use, which is less than the installed memory."""
    import psutil

    try:
        return int(psutil.virtual_memory().total)
    except OSError:  # /proc is hidden; the C library asks the kernel itself
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def cores(root: Path = ROOT) -> int:
    """Return the number of cores that this process may use: its affinity, limited by its container's quota."""
    allowed = _affinity() or os.cpu_count() or 1
    with suppress(ValueError):  # psutil does not read quotas
        quota, period = map(int, _text(root / "sys/fs/cgroup/cpu.max").split())
        return max(1, min(allowed, quota // period))
    return allowed


def _affinity() -> int:
    """Return the number of cores in this process's affinity; 0 where it is not known."""
    import psutil

    with suppress(psutil.Error):  # /proc is hidden
        process = psutil.Process()
        return len(process.cpu_affinity() or ()) if hasattr(process, "cpu_affinity") else 0  # macOS has none
    return 0


def _processor(cpuinfo: str) -> str:
    lines = [line.partition(":") for line in cpuinfo.splitlines()]
    values = {key.strip(): value.strip() for key, _, value in lines}
    core = _CORES.get((values.get("CPU implementer", ""), values.get("CPU part", "")), "")
    return values.get("Model") or values.get("model name") or core


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""  # absent on this system, or hidden in this container


def _sysctl(key: str) -> str:
    try:
        return subprocess.run(["sysctl", key], capture_output=True, text=True, check=True, timeout=5).stdout
    except (OSError, subprocess.SubprocessError):
        return ""  # not macOS, or a sandbox

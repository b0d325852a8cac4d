"""Simulated machines: folders that look like their /proc and /sys."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import pytest

from targets.machine import Facts
from targets.machine import read as read_machine  # not a test's replacement

MIB = 1024  # KiB
ARMV7 = "half thumb fastmult vfp edsp neon vfpv3 tls vfpv4 idiva idivt vfpd32 lpae evtstrm"
ARMV8_0 = "fp asimd evtstrm crc32 cpuid"
ARMV8_2 = "fp asimd evtstrm aes pmull crc32 atomics fphp asimdhp cpuid asimdrdm lrcpc dcpop asimddp"
ARMV8_6 = f"{ARMV8_2} i8mm bf16"
HASWELL = "fpu vme sse4_2 avx avx2 fma"


class Machine(NamedTuple):
    """What a system reports about its machine; `board` is empty without a device tree."""

    arch: str
    processor: str
    board: str
    features: str
    memory_kib: int


MACHINES = {
    "pi-4": Machine("aarch64", "0xd08", "Raspberry Pi 4 Model B Rev 1.4", ARMV8_0, 948_304),
    "pi-400": Machine("aarch64", "0xd08", "Raspberry Pi 400 Rev 1.0", ARMV8_0, 3_885_000),
    "pi-4-emulated": Machine("aarch64", "0xd08", "", ARMV8_0, 8000 * MIB),
    "compute-module-4": Machine("aarch64", "0xd08", "Raspberry Pi Compute Module 4 Rev 1.1", ARMV8_0, 948_304),
    "pi-5": Machine("aarch64", "0xd0b", "Raspberry Pi 5 Model B Rev 1.0", ARMV8_2, 4_130_000),
    "pi-500": Machine("aarch64", "0xd0b", "Raspberry Pi 500 Rev 1.0", ARMV8_2, 8_250_000),
    "pi-5-emulated": Machine("aarch64", "0xd0b", "", ARMV8_2, 8000 * MIB),
    "pi-zero-2-w": Machine("aarch64", "0xd03", "Raspberry Pi Zero 2 W Rev 1.0", ARMV8_0, 427_000),
    "pi-2": Machine("armv7l", "0xc07", "Raspberry Pi 2 Model B Rev 1.1", ARMV7, 948_304),
    "pi-3": Machine("aarch64", "0xd03", "Raspberry Pi 3 Model B Plus Rev 1.3", ARMV8_0, 930_000),
    "arm-server": Machine("aarch64", "0xd4f", "", ARMV8_6, 16_000_000),
    "kaby-lake": Machine("x86_64", "Intel(R) Core(TM) i5-8250U CPU @ 1.60GHz", "", HASWELL, 8_000_000),
    "alder-lake": Machine("x86_64", "12th Gen Intel(R) Core(TM) i5-1240P", "", f"{HASWELL} avx_vnni", 16_000_000),
    "zen-4": Machine(
        "x86_64", "AMD Ryzen 7 7840U", "", f"{HASWELL} avx512f avx512_vnni avx512_bf16", 16_000_000
    ),
    "nehalem": Machine("x86_64", "Intel(R) Core(TM) i7 CPU 920 @ 2.67GHz", "", "fpu vme sse4_2", 8_000_000),
}  # fmt: skip


def write_tree(root: Path, machine: Machine, cores: int = 4) -> Path:
    """Write a machine's files as its kernel does; strings in a device tree end with a zero byte."""
    if machine.arch in ("aarch64", "armv7l"):
        part = f"CPU implementer\t: 0x41\nCPU part\t: {machine.processor}\nCPU revision\t: 3\n"
        core = f"Features\t: {machine.features}\n{part}"
    else:
        core = f"model\t\t: 142\nmodel name\t: {machine.processor}\nflags\t\t: {machine.features}\n"
    texts = {
        "proc/cpuinfo": "\n".join(f"processor\t: {number}\n{core}" for number in range(cores)),
    }
    if machine.board:
        texts["proc/device-tree/model"] = f"{machine.board}\0"
    for name, text in texts.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


@pytest.fixture
def tree(tmp_path: Path) -> Callable[[str], Path]:
    """Write the files of a machine in MACHINES and return their root."""
    return lambda name: write_tree(tmp_path / name, MACHINES[name])


@pytest.fixture
def facts(tree: Callable[[str], Path]) -> Callable[[str], Facts]:
    """Read a machine in MACHINES: four cores, Linux with glibc 2.36."""

    def read(name: str) -> Facts:
        here = replace(read_machine(tree(name)), cores=4, system="linux", glibc="2.36", python="3.11.2")
        return replace(here, arch=MACHINES[name].arch, memory_bytes=MACHINES[name].memory_kib * 1024)

    return read

"""Conditions are read from the /proc and /sys of other machines."""

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from infer.worker import conditions
from infer.worker.reply import Conditions

Tree = Callable[[dict[str, str]], Path]
CPUFREQ = "sys/devices/system/cpu"
PI = {
    f"{CPUFREQ}/cpu0/cpufreq/scaling_cur_freq": "1500000\n",
    f"{CPUFREQ}/cpu1/cpufreq/scaling_cur_freq": "1800000\n",
    f"{CPUFREQ}/cpu0/cpufreq/scaling_governor": "ondemand\n",
    f"{CPUFREQ}/cpu1/cpufreq/scaling_governor": "ondemand\n",
    "sys/class/thermal/thermal_zone0/temp": "48300\n",
    "sys/class/thermal/thermal_zone1/temp": "51200\n",
    "sys/devices/platform/soc/soc:firmware/get_throttled": "50005\n",
}


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    def write(files: dict[str, str]) -> Path:
        for name, text in files.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(text, encoding="utf-8")
        return tmp_path

    return write


def test_a_raspberry_pi_reports_everything(tree: Tree) -> None:
    root = tree(PI)
    current = conditions.read(root)
    assert current["frequency_khz"] == 1_650_000
    assert current["temperature_millicelsius"] == 51_200
    assert current["throttled_bits"] == 0x50005
    assert conditions.governor(root) == "ondemand"


def test_cores_of_two_kinds_have_both_governors(tree: Tree) -> None:
    root = tree({**PI, f"{CPUFREQ}/cpu1/cpufreq/scaling_governor": "powersave"})
    assert conditions.governor(root) == "ondemand+powersave"


def test_a_machine_that_reports_nothing_gives_nulls(tmp_path: Path) -> None:
    current = conditions.read(tmp_path)
    for name in ("frequency_khz", "temperature_millicelsius", "throttled_bits"):
        assert current[name] is None
    assert conditions.governor(tmp_path) is None


@pytest.mark.skipif(sys.platform != "linux", reason="other systems know no steal")
@pytest.mark.parametrize("jiffies", [0, 67, 123_456_789])
def test_steal_is_the_count_of_the_kernel(jiffies: int, tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    root = tree({"proc/stat": f"cpu  10 0 20 300 4 0 5 {jiffies} 0 0\ncpu0 1 2 3 4 5 6 7 8 9 10\n"})
    monkeypatch.setattr(psutil, "PROCFS_PATH", str(root / "proc"))
    assert conditions.steal_jiffies() == jiffies


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no /proc")
def test_a_hidden_proc_gives_no_steal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(psutil, "PROCFS_PATH", str(tmp_path))
    assert conditions.steal_jiffies() is None


def test_a_system_without_a_load_average_gives_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "getloadavg", raising=False)
    assert conditions.load_average() is None


@pytest.mark.skipif(not hasattr(time, "CLOCK_BOOTTIME"), reason="a clock of Linux")
@pytest.mark.parametrize(("boottime_ns", "monotonic_ns", "asleep_ns"), [(900, 200, 700), (200, 200, 0), (199, 200, 0)])
def test_sleep_is_what_one_clock_counts_and_the_other_does_not(
    monkeypatch: pytest.MonkeyPatch, boottime_ns: int, monotonic_ns: int, asleep_ns: int
) -> None:
    clocks = {time.CLOCK_BOOTTIME: boottime_ns, time.CLOCK_MONOTONIC: monotonic_ns}
    monkeypatch.setattr(time, "clock_gettime_ns", lambda clock: clocks[clock])
    assert conditions.asleep_ns() == asleep_ns


def test_a_system_without_such_clocks_gives_null(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(time, "CLOCK_BOOTTIME", raising=False)
    assert conditions.asleep_ns() is None


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("echo throttled=0x50000", 0x50000),
        ("echo VCHI initialization failed; exit 255", None),
        ("echo throttled=?", None),
        ("exec sleep 60", None),
    ],
)
@pytest.mark.skipif(sys.platform == "win32", reason="a shell script")
def test_vcgencmd_is_asked_and_not_waited_for(
    answer: str, expected: int | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = tmp_path / "vcgencmd"
    command.write_text(f"#!/bin/sh\n{answer}\n", encoding="utf-8")
    command.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setattr(conditions, "VCGENCMD_TIMEOUT_S", 0.5)
    assert conditions.throttled_bits() == expected


@pytest.mark.parametrize(
    ("files", "arch", "expected"),
    [
        ({}, "aarch64", False),
        ({"proc/cpuinfo": "processor : 0\nvendor_id : AuthenticAMD\n"}, "x86_64", False),
        ({"proc/cpuinfo": "processor : 0\nvendor_id : AuthenticAMD\n"}, "aarch64", True),
        ({"proc/cpuinfo": "CPU implementer : 0x41\n"}, "aarch64", False),
        ({"proc/thread-self/maps": "7f00 r-xp /usr/bin/qemu-aarch64-static\n"}, "aarch64", True),
    ],
)
def test_an_emulator_is_noticed(files: dict[str, str], arch: str, expected: bool, tree: Tree) -> None:
    assert conditions.emulated(arch, tree(files)) is expected


def test_this_machine_has_conditions() -> None:
    Conditions.model_validate(conditions.read())

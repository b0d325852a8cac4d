"""The facts about a machine, read from its files."""

import os
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from targets import isa, machine


@pytest.mark.parametrize(
    ("system", "pointer_bits", "arch"),
    [
        ("x86_64", 64, "x86_64"),
        ("AMD64", 64, "x86_64"),
        ("arm64", 64, "aarch64"),
        ("ARM64", 64, "aarch64"),
        ("aarch64", 64, "aarch64"),
        # A 64-bit kernel under a 32-bit Raspberry Pi OS.
        ("aarch64", 32, "armv7l"),
        ("AMD64", 32, "i686"),
        ("armv7l", 32, "armv7l"),
        ("riscv64", 64, "riscv64"),
    ],
)
def test_architecture_has_one_name_on_every_system(system: str, pointer_bits: int, arch: str) -> None:
    assert machine.architecture(system, pointer_bits) == arch


@pytest.mark.parametrize(
    ("name", "model", "features"),
    [
        ("pi-4", "Raspberry Pi 4 Model B Rev 1.4", ("neon",)),
        ("pi-4-emulated", "Cortex-A72", ("neon",)),
        ("pi-5", "Raspberry Pi 5 Model B Rev 1.0", ("neon", "dotprod", "fp16")),
        ("pi-5-emulated", "Cortex-A76", ("neon", "dotprod", "fp16")),
        ("pi-zero-2-w", "Raspberry Pi Zero 2 W Rev 1.0", ("neon",)),
        ("kaby-lake", "Intel(R) Core(TM) i5-8250U CPU @ 1.60GHz", ("avx2",)),
        ("alder-lake", "12th Gen Intel(R) Core(TM) i5-1240P", ("avx2", "avx_vnni")),
        ("zen-4", "AMD Ryzen 7 7840U", ("avx2", "avx512f", "avx512_vnni", "avx512_bf16")),
    ],
)
def test_model_and_features(tree: Callable[[str], Path], name: str, model: str, features: tuple[str, ...]) -> None:
    root = tree(name)
    assert machine.model_name(root) == model
    assert machine.isa_features(root) == features


def test_a_machine_without_any_files_is_still_described(tmp_path: Path) -> None:
    assert machine.model_name(tmp_path)
    assert machine.cores(tmp_path) >= 1


@pytest.mark.parametrize(
    ("quota", "cores"), [("100000 100000", 1), ("50000 100000", 1), ("max 100000", None), ("", None), ("x", None)]
)
def test_a_container_quota_cuts_the_cores(tmp_path: Path, quota: str, cores: int | None) -> None:
    path = tmp_path / "sys/fs/cgroup/cpu.max"
    path.parent.mkdir(parents=True)
    path.write_text(quota)
    assert machine.cores(tmp_path) == (cores or machine.cores(tmp_path / "none"))


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="no affinity on this system")
def test_cores_are_those_this_process_may_use() -> None:
    allowed = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(allowed)})
        assert machine.cores() == 1
    finally:
        os.sched_setaffinity(0, allowed)


def test_this_machine_can_be_read() -> None:
    facts = machine.read()
    assert facts.memory_bytes > 2**20
    assert facts.arch in str(facts)
    assert set(facts.isa_features) <= set(isa.FEATURES)


def test_a_feature_counts_only_where_all_cores_have_it() -> None:
    text = "Features\t: fp asimd asimddp\n\nFeatures\t: fp asimd\n"
    assert isa.from_cpuinfo(text) == ("neon",)
    assert isa.from_cpuinfo("") == ()


def test_features_of_a_mac() -> None:
    text = (
        "hw.optional.AdvSIMD: 1\nhw.optional.arm.FEAT_DotProd: 1\n"
        "hw.optional.arm.FEAT_FP16: 1\nhw.optional.arm.FEAT_BF16: 0\n"
    )
    assert isa.from_sysctl(text) == ("neon", "dotprod", "fp16")


def test_features_of_windows() -> None:
    assert isa.from_windows(lambda number: number in (19, 43)) == ("neon", "dotprod")
    assert isa.from_windows(lambda number: number == 40) == ("avx2",)


@pytest.mark.parametrize(
    ("wanted", "present", "missing"),
    [
        (("avx2", "vnni"), ("avx2", "avx_vnni"), ()),
        (("avx2", "vnni"), ("avx2", "avx512_vnni"), ()),
        (("avx2", "vnni"), ("avx2",), ("vnni",)),
        (("neon",), ("neon", "dotprod"), ()),
        (("neon", "dotprod"), (), ("neon", "dotprod")),
        ((), (), ()),
    ],
)
def test_missing_features(wanted: tuple[str, ...], present: tuple[str, ...], missing: tuple[str, ...]) -> None:
    assert isa.missing(wanted, present) == missing


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no /proc")
def test_a_container_may_hide_proc(monkeypatch: pytest.MonkeyPatch) -> None:
    before = machine.memory_bytes()

    def hidden(*_: object) -> None:
        raise FileNotFoundError("/proc/meminfo")

    def gone(*_: object) -> None:
        raise psutil.NoSuchProcess(os.getpid())

    monkeypatch.setattr(psutil, "virtual_memory", hidden)
    monkeypatch.setattr(psutil, "Process", gone)
    assert machine.memory_bytes() == pytest.approx(before, rel=0.1)
    assert machine.cores() >= 1

"""A machine gets its profile, and findings about what does not fit."""

import platform
import tomllib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from contract.errors import InputError
from targets import doctor, machine, profile
from targets.doctor import Finding
from targets.machine import Facts

READ = Callable[[str], Facts]

GOOD = {"onnxruntime": "1.32.0", "openvino": "2026.4.1", "ai-edge-litert": "2.3.0"}


def check(name: str, facts: Facts, versions: dict[str, str]) -> list[Finding]:
    return doctor.check(profile.read(name), facts, versions.get)


def summary(findings: list[Finding]) -> list[tuple[str, str]]:
    return [(finding.severity, finding.subject) for finding in findings]


@pytest.mark.parametrize(
    ("name", "target", "reason"),
    [
        ("pi-4", "raspberry-pi-4", "this machine calls itself Raspberry Pi 4 Model B Rev 1.4"),
        ("pi-400", "raspberry-pi-4", "this machine calls itself Raspberry Pi 400 Rev 1.0"),
        ("compute-module-4", "raspberry-pi-4", "this machine calls itself Raspberry Pi Compute Module 4 Rev 1.1"),
        ("pi-4-emulated", "raspberry-pi-4", "this machine calls itself Cortex-A72"),
        ("pi-5", "raspberry-pi-5", "this machine calls itself Raspberry Pi 5 Model B Rev 1.0"),
        ("pi-500", "raspberry-pi-5", "this machine calls itself Raspberry Pi 500 Rev 1.0"),
        ("pi-5-emulated", "raspberry-pi-5", "this machine calls itself Cortex-A76"),
        ("pi-zero-2-w", "raspberry-pi-zero-2-w", "this machine calls itself Raspberry Pi Zero 2 W Rev 1.0"),
        ("arm-server", "laptop-arm", "is aarch64 with neon, dotprod, fp16"),
        ("kaby-lake", "laptop-x86", "this machine (Intel(R) Core(TM) i5-8250U CPU @ 1.60GHz) is x86_64 with avx2"),
        ("alder-lake", "laptop-x86-vnni", "is x86_64 with avx2, vnni"),
        ("zen-4", "laptop-x86-vnni", "this machine (AMD Ryzen 7 7840U) is x86_64 with avx2, vnni"),
    ],
)
def test_each_machine_gets_its_profile_and_the_reason(facts: READ, name: str, target: str, reason: str) -> None:
    chosen, why = doctor.choose(facts(name))
    assert chosen.name == target
    assert reason in why
    assert "\n" not in why


@pytest.mark.parametrize("name", ["pi-3", "nehalem"])
def test_a_machine_without_a_profile_is_described(facts: READ, name: str) -> None:
    machine_facts = facts(name)
    with pytest.raises(InputError) as error:
        doctor.choose(machine_facts)
    assert f"no profile fits this machine ({machine_facts.model}: {machine_facts.arch} with " in error.value.cause
    assert "raspberry-pi-4" in error.value.cure


@pytest.mark.parametrize("name", ["pi-4", "pi-2"])
def test_a_32_bit_system_has_its_own_profile(facts: READ, name: str) -> None:
    machine_facts = replace(facts(name), arch="armv7l")
    assert doctor.choose(machine_facts)[0].name == "raspberry-pi-os-32-bit"
    (finding,) = [finding for finding in check("raspberry-pi-4", machine_facts, GOOD) if finding.severity == "error"]
    assert finding.cause == "the user space is armv7l, not aarch64"
    assert finding.cure == "use a 64-bit system, or a target for 32 bits"


@pytest.mark.parametrize(
    ("python", "versions", "causes"),
    [
        ("3.11.2", {"tflite-runtime": "2.14.0", "numpy": "1.26.4"}, []),
        ("3.11.2", {"tflite-runtime": "2.14.0", "numpy": "2.2.0"}, ["numpy 2.2.0 is not <2"]),
        ("3.13.5", {"numpy": "1.26.4"}, ["python 3.13.5 is not <3.12", "tflite-runtime is not installed"]),
    ],
)
def test_what_a_32_bit_system_needs(facts: READ, python: str, versions: dict[str, str], causes: list[str]) -> None:
    findings = check("raspberry-pi-os-32-bit", replace(facts("pi-2"), python=python), versions)
    assert [finding.cause.partition(":")[0] for finding in findings] == causes


def test_a_32_bit_x86_system_has_no_profile(facts: READ) -> None:
    with pytest.raises(InputError, match="i686"):
        doctor.choose(replace(facts("nehalem"), arch="i686"))


@pytest.mark.parametrize("name", ["pi-4", "pi-5", "pi-zero-2-w", "kaby-lake", "zen-4", "arm-server"])
def test_an_up_to_date_machine_fits_its_profile(facts: READ, name: str) -> None:
    chosen, _ = doctor.choose(facts(name))
    assert doctor.check(chosen, facts(name), GOOD.get) == []


@pytest.mark.parametrize(
    ("target", "name", "findings"),
    [
        ("raspberry-pi-5", "pi-4", [("error", "isa_features"), ("warning", "models")]),
        ("raspberry-pi-4", "pi-5", [("warning", "models")]),
        ("raspberry-pi-4", "pi-zero-2-w", [("warning", "models"), ("warning", "memory_bytes")]),
        ("raspberry-pi-4", "zen-4", [("error", "arch")]),
        ("laptop-x86-vnni", "kaby-lake", [("error", "isa_features")]),
        ("laptop-x86", "zen-4", []),
    ],
)
def test_another_machine_gets_findings(facts: READ, target: str, name: str, findings: list[tuple[str, str]]) -> None:
    assert summary(check(target, facts(name), GOOD)) == findings


def test_too_few_cores_and_too_little_memory_are_warnings(facts: READ) -> None:
    small = replace(facts("pi-5"), cores=2, memory_bytes=300 * 2**20)
    findings = check("raspberry-pi-5", small, GOOD)
    assert summary(findings) == [("warning", "memory_bytes"), ("warning", "threads")]
    assert [finding.cause for finding in findings] == ["300 MiB of memory, not 1,024", "2 cores for 4 threads"]


@pytest.mark.parametrize(
    ("versions", "findings"),
    [
        ({"onnxruntime": "1.21.0"}, [("error", "onnxruntime"), ("error", "onnxruntime")]),
        ({"onnxruntime": "1.20.1"}, [("error", "onnxruntime")]),
        ({"onnxruntime": "1.33.0rc1"}, []),
        ({"openvino": "2024.0.0"}, [("error", "openvino")]),
        ({"torch": "2.10.0"}, [("error", "torch")]),
        ({"torch": "2.13.0"}, []),
        ({"tflite-runtime": "2.14.0"}, [("error", "tflite-runtime")]),
    ],
)
def test_versions_on_a_raspberry_pi_4(facts: READ, versions: dict[str, str], findings: list[tuple[str, str]]) -> None:
    assert summary(check("raspberry-pi-4", facts("pi-4"), {**GOOD, **versions})) == findings


@pytest.mark.parametrize(
    ("name", "version", "cure"),
    [("torch", "2.10.0", "pip install 'torch!=2.10.0'"), ("tflite-runtime", "2.14.0", "pip uninstall tflite-runtime")],
)
def test_the_cure_depends_on_whether_there_is_a_replacement(facts: READ, name: str, version: str, cure: str) -> None:
    finding = check("raspberry-pi-4", facts("pi-4"), {**GOOD, name: version})[0]
    assert finding.cure == f"run: {cure}"


def test_a_known_bad_version_is_named_with_its_source_and_its_cure(facts: READ) -> None:
    finding = check("raspberry-pi-4", facts("pi-4"), {**GOOD, "onnxruntime": "1.21.0"})[0]
    assert "onnxruntime 1.21.0 crashes with an illegal instruction" in finding.cause
    assert "onnxruntime#23957" in finding.cause
    assert finding.cure == "run: pip install 'onnxruntime!=1.21.0'"


def test_an_absent_runtime_is_a_warning_with_its_extra(facts: READ) -> None:
    (finding,) = check("raspberry-pi-zero-2-w", facts("pi-zero-2-w"), {"onnxruntime": "1.32.0"})
    assert (finding.severity, finding.cause) == ("warning", "ai-edge-litert is not installed")
    assert finding.cure == "in a clone of tinybert-edge, run pip install -c constraints.txt '.[tflite]' if you want it"


@pytest.mark.parametrize(
    ("glibc", "cause"),
    [
        ("2.31", "glibc 2.31 is not >=2.35: OpenVINO's aarch64 wheels are manylinux_2_35"),
        (None, "no glibc, and OpenVINO's aarch64 wheels are manylinux_2_35"),
    ],
)
def test_an_old_or_other_c_library_is_an_error(facts: READ, glibc: str | None, cause: str) -> None:
    (finding,) = check("raspberry-pi-5", replace(facts("pi-5"), glibc=glibc), GOOD)
    assert finding.severity == "error"
    assert finding.cause.startswith(cause)
    assert finding.cure == "use a system with glibc>=2.35"


def test_windows_on_arm_lacks_some_runtimes(facts: READ) -> None:
    windows = replace(facts("arm-server"), system="win32", glibc=None)
    findings = check("laptop-arm", windows, {"onnxruntime": "1.32.0"})
    assert summary(findings) == [("warning", "openvino"), ("warning", "ai-edge-litert")]
    assert all("has no wheel for Windows on Arm" in finding.cause for finding in findings)


def test_a_mac_needs_no_glibc(facts: READ) -> None:
    assert check("laptop-arm", replace(facts("arm-server"), system="darwin", glibc=None), GOOD) == []


def test_a_name_and_a_file_are_resolved(tmp_path: Path) -> None:
    source = Path(profile.__file__).parent / "raspberry-pi-4.toml"
    path = tmp_path / "mine.toml"
    path.write_text(source.read_text(encoding="utf-8").replace('name = "raspberry-pi-4"', 'name = "mine"'))
    assert tomllib.loads(path.read_text())["name"] == "mine"
    assert doctor.resolve(str(path)) == (profile.read(str(path)), f"{path} was asked for")
    assert doctor.resolve("raspberry-pi-5")[0].name == "raspberry-pi-5"
    with pytest.raises(InputError, match="did you mean 'raspberry-pi-4'"):
        doctor.resolve("raspberry-pi4")


def test_auto_is_this_machine(facts: READ, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "read", lambda: facts("pi-5"))
    chosen, reason = doctor.resolve("auto")
    assert (chosen.name, reason) == ("raspberry-pi-5", "this machine calls itself Raspberry Pi 5 Model B Rev 1.0")


def test_installed_versions_are_those_of_this_environment() -> None:
    assert doctor.installed_version("psutil")
    assert doctor.installed_version("no-such-distribution") is None
    assert machine.read().python == platform.python_version()

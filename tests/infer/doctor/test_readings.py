"""What cannot be read of a machine is null with its reason."""

from pathlib import Path

import pytest

from infer.doctor import readings

PI = {
    "proc/cpuinfo": "Features\t: fp asimd\nCPU implementer\t: 0x41\nCPU part\t: 0xd08\n",
    "sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq": "1500000\n",
    "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor": "ondemand\n",
    "sys/class/thermal/thermal_zone0/temp": "48312\n",
}
VALUES = {
    "isa_features": "neon",
    "frequency_khz": 1_500_000,
    "governor": "ondemand",
    "temperature_millicelsius": 48_312,
}
FILES = dict(zip(VALUES, PI, strict=True))


def write(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def test_a_raspberry_pi_reports_everything(tmp_path: Path) -> None:
    read = readings.read(write(tmp_path, PI))
    assert {name: reading.value for name, reading in read.items()} == VALUES
    assert not any(reading.reason for reading in read.values())
    assert readings.check(read, tmp_path) == []


@pytest.mark.parametrize("name", [name for name in VALUES if name != "isa_features"])
def test_an_absent_file_is_no_fault(tmp_path: Path, name: str) -> None:
    write(tmp_path, {file: text for file, text in PI.items() if file != FILES[name]})
    read = readings.read(tmp_path)
    assert read[name].value is None
    assert read[name].reason.startswith("no /")
    (finding,) = readings.check(read, tmp_path)
    assert finding.severity == "note"
    assert name in finding.cause


@pytest.mark.parametrize("name", VALUES)
def test_an_unreadable_file_is_named_with_the_reason(tmp_path: Path, name: str) -> None:
    write(tmp_path, {file: text for file, text in PI.items() if file != FILES[name]})
    (tmp_path / FILES[name]).mkdir(parents=True)  # unreadable for root, too
    read = readings.read(tmp_path)
    assert read[name] == readings.Reading(value=None, reason=f"/{FILES[name]} cannot be read (Is a directory)")
    (finding,) = readings.check(read, tmp_path)
    assert (finding.subject, finding.severity) == (name, "warning")
    assert f"/{FILES[name]} cannot be read" in finding.cause


def test_nonsense_is_named(tmp_path: Path) -> None:
    write(tmp_path, PI | {FILES["temperature_millicelsius"]: "hot\n"})
    assert readings.read(tmp_path)["temperature_millicelsius"].reason == (
        "/sys/class/thermal/thermal_zone0/temp does not say"
    )


def test_a_processor_of_no_known_feature_was_read(tmp_path: Path) -> None:
    write(tmp_path, PI | {"proc/cpuinfo": "flags\t: fpu sse4_2\n"})
    assert readings.read(tmp_path)["isa_features"].value == "none that matter"


@pytest.mark.parametrize(("hidden", "name"), [("sys", "sys/devices/system/cpu"), ("proc", "proc/cpuinfo")])
def test_a_linux_that_hides_its_processor_is_warned_of(tmp_path: Path, hidden: str, name: str) -> None:
    write(tmp_path, {file: text for file, text in PI.items() if not file.startswith(hidden)})
    (finding,) = [it for it in readings.check(readings.read(tmp_path), tmp_path) if it.severity == "warning"]
    assert (finding.subject, finding.cure) == ("processor", f"mount /{hidden}")
    assert finding.cause.startswith(f"no /{name}: runtimes that look there may crash")


def test_a_system_of_another_kind_is_not(tmp_path: Path) -> None:
    """Neither macOS nor Windows has /proc or /sys."""
    findings = readings.check(readings.read(tmp_path), tmp_path)
    assert {finding.severity for finding in findings} == {"note"}

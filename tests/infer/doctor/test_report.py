"""What the doctor says of a machine as a whole, on simulated ones, and `tinybert doctor` as a user sees it here."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from contract.errors import InputError, WorkerError
from infer import runtimes
from infer.doctor import command, readings, report
from infer.doctor.report import Report, check_user_space, examine
from infer.doctor.trial import Trial, Tried
from targets import machine
from targets.doctor import Finding
from targets.machine import Facts
from targets.profile import Precision, Profile, RuntimeName
from tests.conftest import Tinybert
from tests.infer.doctor.conftest import Doctored

NAMES = [runtime.value for runtime in RuntimeName]
BAD = Finding(subject="made-up fp32", severity="error", cause="its import failed", cure="try another")
PI_4 = Facts(
    arch="aarch64",
    isa_features=("neon",),
    model="Raspberry Pi 4 Model B Rev 1.4",
    memory_bytes=2**31,
    cores=4,
    system="linux",
    python="3.13.5",
    glibc="2.41",
)
# Too old for a profile: without NEON.
OLD = replace(PI_4, isa_features=(), model="ARM926")


def tried(runtime: str, state: str = "works") -> Tried:
    findings = (BAD,) if state == "fails" else ()
    trial = Trial(precision=Precision.FP32, differs=0.0, step="running a model", findings=findings)
    trials = () if state == "not installed" else (trial,)
    return Tried(runtime=RuntimeName(runtime), version="" if not trials else "1.0", trials=trials)


@pytest.fixture
def examined(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., Report]:
    """Examine a simulated machine whose runtimes are in given states."""

    def make(
        *states: str,
        facts: Facts = PI_4,
        target: str = "auto",
        kernel: str = "aarch64",
        asked: list[Profile | None] | None = None,
    ) -> Report:
        by_name = dict(zip(NAMES, states or ("works",) * 3, strict=True))
        monkeypatch.setattr(machine, "read", lambda _root: facts)
        monkeypatch.setattr(machine, "architecture", lambda **_: kernel)
        monkeypatch.setattr("targets.doctor.metadata.version", lambda _name: "2026.9")

        def try_one(runtime: RuntimeName, profile: Profile | None) -> Tried:
            if asked is not None:
                asked.append(profile)
            return tried(runtime, by_name[runtime])

        return examine(target, root=tmp_path, try_one=try_one)

    return make


@pytest.mark.parametrize(
    ("states", "message"),
    [
        (("works", "works", "works"), ""),
        (("works", "not installed", "not installed"), ""),
        (("works", "fails", "works"), "openvino cannot be used on this machine: see the errors above"),
        (("fails", "fails", "works"), "onnx and openvino cannot be used"),
        (("fails", "not installed", "not installed"), "onnx cannot be used"),
        (
            ("not installed",) * 3,
            r"no runtime is installed: in a clone of tinybert-edge, run pip install .*\.\[device\]",
        ),
    ],
)
def test_it_passes_if_there_is_a_runtime_and_all_work(
    examined: Callable[..., Report], states: tuple[str, ...], message: str
) -> None:
    found = examined(*states)
    if not message:
        found.check()
        return
    with pytest.raises(WorkerError, match=message) as error:
        found.check()
    assert error.value.exit_code == 4


def test_the_profile_that_fits_is_suggested_and_decides_what_is_tried(examined: Callable[..., Report]) -> None:
    asked: list[Profile | None] = []
    found = examined(asked=asked)
    assert found.profile is not None
    assert found.profile.name == "raspberry-pi-4"
    assert found.reason == "this machine calls itself Raspberry Pi 4 Model B Rev 1.4"
    assert asked == [found.profile] * 3


def test_without_a_profile_runtimes_are_tried_all_the_same(examined: Callable[..., Report]) -> None:
    found = examined("works", "not installed", "works", facts=OLD)
    found.check()
    assert found.profile is None
    target, missing = found.findings[:2]
    assert target.cause.startswith("no profile fits this machine (ARM926")
    assert target.cure == "write one from what was seen here: tinybert target new NAME"
    assert missing.cause == "openvino is not installed"
    assert missing.cure.endswith(".[openvino]' if you want it")


def test_what_the_profile_forbids_is_said_once(examined: Callable[..., Report]) -> None:
    found = examined("fails", "works", "works", target="raspberry-pi-5")
    causes = [finding.cause for finding in found.findings]
    assert len(causes) == len(set(causes))
    assert "the processor has no dotprod, fp16 (Raspberry Pi 4 Model B Rev 1.4)" in causes
    severities = [finding.severity for finding in found.findings]
    assert severities == sorted(severities, key=["error", "warning", "note"].index)
    assert BAD in found.findings


@pytest.mark.parametrize(
    ("arch", "kernel", "warned"),
    [("aarch64", "aarch64", False), ("armv7l", "aarch64", True), ("armv7l", "armv7l", False), ("i686", "x86_64", True)],
)
def test_a_32_bit_user_space_on_a_64_bit_kernel_is_named(arch: str, kernel: str, *, warned: bool) -> None:
    findings = check_user_space(arch, kernel)
    assert bool(findings) == warned
    for finding in findings:
        assert finding.cause.startswith(f"the user space is {arch} (32 bits) on a {kernel} kernel")
        assert "64-bit system" in finding.cure


def test_an_old_system_is_named(examined: Callable[..., Report]) -> None:
    facts = replace(PI_4, glibc="2.31")
    (finding,) = [finding for finding in examined(facts=facts).findings if finding.subject == "glibc"]
    assert finding.severity == "error"
    assert finding.cause.startswith("glibc 2.31 is not >=2.35")


def test_an_unknown_target_is_refused(examined: Callable[..., Report]) -> None:
    with pytest.raises(InputError, match="did you mean 'raspberry-pi-4'"):
        examined(target="raspbery-pi-4")


def test_this_machine_is_fit_for_these_tests(tinybert: Tinybert) -> None:
    code, out, err = tinybert("doctor")
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[0].startswith(str(machine.read()))
    for runtime in NAMES:
        (line,) = [line for line in lines if line.startswith(f"{runtime} ")]
        assert "fp32 works  int8 works" in line
        assert line.endswith(runtimes.version(runtime))
    assert not [line for line in lines if line.startswith("error")]


def test_a_broken_runtime_is_named_and_the_others_go_on(tinybert: Tinybert, doctored: Doctored) -> None:
    doctored("openvino", "import os, signal; os.kill(os.getpid(), signal.SIGILL)")
    code, out, err = tinybert("doctor", "--json")
    assert (code, err) == (4, "error: openvino cannot be used on this machine: see the errors above\n")
    value = json.loads(out)
    states = {entry["runtime"]: (entry["state"], entry["models"]) for entry in value["runtimes"]}
    assert {runtime: state for runtime, (state, _) in states.items()} == dict(
        zip(NAMES, ("works", "fails", "works"), strict=True)
    )
    assert states["openvino"][1] == [{"precision": "fp32", "works": False, "differs": None}]
    assert set(value["readings"]) == set(readings.SOURCES)
    assert value["machine"]["kernel"] == value["machine"]["arch"]
    first = value["findings"][0]
    assert (first["subject"], first["severity"]) == ("openvino fp32", "error")
    assert "SIGILL" in first["cause"]


def test_no_runtime_is_a_failure(tinybert: Tinybert, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtimes, "find_spec", lambda _library: None)
    code, out, err = tinybert("doctor")
    assert code == 4
    assert out.count("not installed") >= 3
    assert err.startswith("error: no runtime is installed: in a clone of tinybert-edge, run pip install")


def test_what_a_machine_calls_itself_is_printed_literally(
    tinybert: Tinybert, examined: Callable[..., Report], monkeypatch: pytest.MonkeyPatch
) -> None:
    facts = replace(PI_4, model="a [red] \x1b[31mboard")
    found = examined(facts=facts)
    monkeypatch.setattr(report, "examine", lambda _target: found)
    _, out, _ = tinybert("doctor")
    assert "a [red] \\x1b[31mboard" in out.splitlines()[0]
    assert command._lines(found)[0].startswith("a [red] \x1b[31mboard")

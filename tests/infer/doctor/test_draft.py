"""`tinybert target new`: a valid profile of this machine, which never replaces a file unasked."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from contract.errors import InputError, WorkerError
from infer.doctor import draft, report
from infer.doctor.report import Report
from infer.doctor.trial import Trial, Tried
from targets import machine
from targets.doctor import check, resolve
from targets.profile import Precision, RuntimeName, read
from tests.conftest import Tinybert
from tests.infer.doctor.test_report import BAD, PI_4

VERSIONS = {"onnxruntime": "1.32.0", "openvino": "2026.4.1+cpu", "tflite-runtime": "2.14.0"}
WORKS = {precision: Trial(precision=precision, differs=0.0, step="", findings=()) for precision in Precision}
FAILS = replace(WORKS[Precision.INT8], findings=(replace(BAD, subject="openvino int8", cause="it \x07 crashed"),))
TRIED = (
    Tried(runtime=RuntimeName("onnx"), version="1", trials=(WORKS[Precision.FP32], WORKS[Precision.INT8])),
    Tried(runtime=RuntimeName("openvino"), version="1", trials=(WORKS[Precision.FP32], FAILS)),
    Tried(runtime=RuntimeName("tflite"), version="", trials=()),
)


def found(tried: tuple[Tried, ...] = TRIED, **facts: object) -> Report:
    here = replace(PI_4, **facts)  # type: ignore[arg-type]  # of any field
    return Report(facts=here, kernel=here.arch, profile=None, reason="", runtimes=tried, readings={}, findings=[])


def test_a_profile_says_what_ran_here(tmp_path: Path) -> None:
    path = tmp_path / "my-board.toml"
    profile = draft.write(found(), "my-board", path, VERSIONS.get)
    assert read(str(path)) == profile
    assert (profile.name, profile.title, profile.arch) == ("my-board", PI_4.model, "aarch64")
    assert (profile.memory_bytes, profile.threads, profile.isa_features) == (2**31, 4, ("neon",))
    assert profile.runtimes == {
        RuntimeName("onnx"): (Precision.FP32, Precision.INT8),
        RuntimeName("openvino"): (Precision.FP32,),
    }
    assert [(needed.name, needed.specifier) for needed in profile.requires] == [
        ("onnxruntime", ">=1.32.0"),
        ("openvino", ">=2026.4.1"),
    ]
    text = path.read_text(encoding="utf-8")
    assert "# Not openvino int8: it  crashed\n" in text
    assert "# To complete: " in text
    assert profile.sources["threads"].startswith("to replace: seen by tinybert doctor on ")


def test_a_machine_fits_its_own_profile(tmp_path: Path) -> None:
    profile = draft.write(found(), "my-board", tmp_path / "it.toml", VERSIONS.get)
    assert check(profile, PI_4, VERSIONS.get) == []


def test_tflite_runtime_gets_models_with_a_scale_per_tensor(tmp_path: Path) -> None:
    tried = (Tried(runtime=RuntimeName("tflite"), version="1", trials=(WORKS[Precision.FP32],)),)
    profile = draft.write(found(tried, arch="armv7l"), "it", tmp_path / "it.toml", VERSIONS.get)
    assert profile.needs_scale_per_tensor


@example(model='a [red] "board" \\u0041 *', memory=2**30, cores=4)
@given(model=st.text(max_size=40), memory=st.integers(2**20, 2**50), cores=st.integers(1, 512))
def test_a_profile_is_valid_whatever_a_machine_calls_itself(model: str, memory: int, cores: int) -> None:
    text = draft._text(found(model=model, memory_bytes=memory, cores=cores), "it", VERSIONS.get)
    profile = draft.parsed(text, "it.toml")
    printable = "".join(letter for letter in model if letter.isprintable()) or "aarch64"
    assert profile.title == printable
    assert profile.is_model(printable)


def test_a_machine_without_a_runtime_has_no_profile(tmp_path: Path) -> None:
    with pytest.raises(WorkerError, match="no runtime works on this machine: see tinybert doctor"):
        draft.write(found(TRIED[2:]), "it", tmp_path / "it.toml", VERSIONS.get)
    assert not list(tmp_path.iterdir())


def test_an_instruction_set_that_no_target_has_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no target can be riscv64: known: x86_64, aarch64, armv7l"):
        draft.write(found(arch="riscv64"), "it", tmp_path / "it.toml", VERSIONS.get)


@pytest.mark.parametrize("name", ["../it", "It", "it.toml", "", "-it", "it-", "an it", "raspberry-pi-5"])
def test_a_name_that_is_none_is_refused(
    tinybert: Tinybert, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    code, out, err = tinybert("target", "new", "--", name)
    assert (code, out) == (2, "")
    assert repr(name) in err
    assert not list(tmp_path.iterdir())


def test_a_file_is_replaced_only_if_asked(tinybert: Tinybert, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(report, "examine", found)
    path = tmp_path / "my-board.toml"
    path.write_text("mine", encoding="utf-8")
    code, _, err = tinybert("target", "new", "my-board")
    assert (code, path.read_text(encoding="utf-8")) == (2, "mine")
    assert err == "error: my-board.toml: exists: choose another name, or replace it with --force\n"
    assert tinybert("target", "new", "my-board", "--force")[:2] == (0, "my-board.toml\n")
    assert read(str(path)).name == "my-board"


def test_this_machine_fits_what_is_written_of_it(
    tinybert: Tinybert, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert tinybert("target", "new", "here")[0] == 0
    profile, _ = resolve("here.toml")
    assert check(profile, machine.read()) == []
    assert set(profile.runtimes) == set(RuntimeName)

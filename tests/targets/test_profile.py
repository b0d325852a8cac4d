"""Profiles: those of this project are valid, and impossible ones are refused."""

import json
import tomllib
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.errors import InputError
from contract.strict import parse
from targets import isa, profile
from targets.profile import Profile

SHIPPED = [
    "laptop-arm",
    "laptop-x86",
    "laptop-x86-vnni",
    "raspberry-pi-4",
    "raspberry-pi-5",
    "raspberry-pi-os-32-bit",
    "raspberry-pi-zero-2-w",
]


def good() -> dict[str, Any]:
    path = Path(profile.__file__).parent / "raspberry-pi-5.toml"
    return tomllib.loads(path.read_text(encoding="utf-8"))


def test_the_profiles_of_this_project() -> None:
    assert profile.names() == SHIPPED


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_profile_is_valid(name: str) -> None:
    shipped = profile.read(name)
    assert shipped.name == name
    assert shipped.length_buckets_tokens[-1] == 128
    assert set(shipped.isa_features) <= set(isa.names(shipped.arch))
    assert shipped.budget.peak_memory_bytes * 4 <= shipped.memory_bytes
    assert parse(Profile, json.loads(shipped.model_dump_json()), name) == shipped


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_profile_needs_a_package_for_each_runtime(name: str) -> None:
    shipped = profile.read(name)
    tflite = "tflite-runtime" if shipped.needs_scale_per_tensor else "ai-edge-litert"
    packages = {"onnx": "onnxruntime", "openvino": "openvino", "tflite": tflite}
    assert {packages[runtime] for runtime in shipped.runtimes} == {
        needed.name for needed in shipped.requires if needed.name not in ("glibc", "python", "numpy")
    }


@pytest.mark.parametrize("name", SHIPPED)
def test_tflite_runtime_is_required_or_known_bad_on_linux(name: str) -> None:
    shipped = profile.read(name)
    needed = {
        (condition.specifier, condition.marker) for condition in shipped.requires if condition.name == "tflite-runtime"
    }
    bad = {
        (condition.specifier, condition.marker) for condition in shipped.known_bad if condition.name == "tflite-runtime"
    }
    assert shipped.needs_scale_per_tensor is bool(needed)
    assert needed | bad in ({("==2.14.0", "")}, {("==2.14.0", "sys_platform == 'linux'")})
    assert not (needed and bad)


@pytest.mark.parametrize(
    ("name", "dot_product"),
    [
        ("laptop-x86", False),
        ("laptop-x86-vnni", True),
        ("laptop-arm", True),
        ("raspberry-pi-4", False),
        ("raspberry-pi-5", True),
        ("raspberry-pi-os-32-bit", False),
        ("raspberry-pi-zero-2-w", False),
    ],
)
def test_which_devices_have_an_int8_dot_product(name: str, dot_product: bool) -> None:
    assert profile.read(name).has_int8_dot_product is dot_product


@pytest.mark.parametrize("name", ["raspberry-pi-4", "raspberry-pi-zero-2-w"])
def test_onnx_runtime_1_21_0_is_known_bad_on_armv8_0(name: str) -> None:
    bad = {(condition.name, condition.specifier): condition.source for condition in profile.read(name).known_bad}
    assert "onnxruntime#23957" in bad["onnxruntime", "==1.21.0"]


def test_an_unknown_name_gets_a_suggestion() -> None:
    with pytest.raises(InputError) as error:
        profile.read("raspbery-pi-5")
    assert "unknown target 'raspbery-pi-5', did you mean 'raspberry-pi-5'?" in str(error.value)
    assert "laptop-arm" in error.value.cure


@pytest.mark.parametrize("name", ["", "../profile", "nowhere.toml", "profile.py", "raspberry-pi-5.TOML"])
def test_an_invalid_name_is_refused(name: str) -> None:
    with pytest.raises(InputError):
        profile.read(name)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"length_buckets_tokens": []}, "'length_buckets_tokens': "),
        ({"length_buckets_tokens": [32, 16]}, "'length_buckets_tokens': [32, 16] is not in ascending order"),
        ({"length_buckets_tokens": [16, 16]}, "'length_buckets_tokens': [16, 16] is not in ascending order"),
        ({"length_buckets_tokens": [0, 16]}, "'length_buckets_tokens.0': Input should be greater than 0"),
        ({"threads": 0}, "'threads': Input should be greater than 0"),
        ({"threads": "4"}, "'threads': Input should be a valid integer"),
        ({"memory_bytes": -1}, "'memory_bytes': Input should be greater than 0"),
        ({"memory_bytes": 1000}, "'budget.peak_memory_bytes': must be less than 'memory_bytes'"),
        ({"arch": "armv6l"}, "'arch': Input should be 'x86_64', 'aarch64' or 'armv7l'"),
        ({"runtimes": {}}, "'runtimes': "),
        ({"runtimes": {"onnx": []}}, "'runtimes.onnx': "),
        ({"runtimes": {"onxx": ["fp32"]}}, "'runtimes.onxx': Input should be 'onnx', 'openvino' or 'tflite'"),
        ({"runtimes": {"onnx": ["int4"]}}, "'runtimes.onnx.0': Input should be 'fp32', 'fp16', 'int8'"),
        ({"runtimes": {"onnx": ["int8", "int8"]}}, "'runtimes.onnx': has a precision twice"),
        ({"isa_features": ["dotprot"]}, "'isa_features': aarch64 has no 'dotprot', did you mean 'dotprod'?"),
        ({"isa_features": ["avx2"]}, "'isa_features': aarch64 has no 'avx2'"),
        ({"arch": "x86_64"}, "'isa_features': x86_64 has no 'neon'"),
        ({"title": ""}, "'title': "),
        ({"treads": 4}, "unknown key 'treads', did you mean 'threads'?"),
        ({"schema_version": 2}, "'schema_version': "),
    ],
)
def test_an_impossible_profile_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError) as error:
        parse(Profile, {**good(), **changes}, "mine.toml")
    assert f"mine.toml: {message}" in str(error.value)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"latency_p90_ns": 0}, "'budget.latency_p90_ns': Input should be greater than 0"),
        ({"quality_drop": {"accuracy": 1.0}}, "'budget.quality_drop.accuracy': Input should be less than 1"),
        ({"quality_drop": {"accuracy": float("nan")}}, "'budget.quality_drop.accuracy': "),
        ({"quality_drop": {}}, "'budget.quality_drop': "),
        ({"accuracy_drop": 0.03}, "unknown key 'budget.accuracy_drop', did you mean 'quality_drop'?"),
        ({"latency_p99_ns": 1}, "unknown key 'budget.latency_p99_ns', did you mean 'latency_p90_ns'?"),
    ],
)
def test_an_impossible_budget_is_refused(changes: dict[str, Any], message: str) -> None:
    value = good()
    value["budget"] |= changes
    with pytest.raises(InputError) as error:
        parse(Profile, value, "mine.toml")
    assert f"mine.toml: {message}" in str(error.value)


@pytest.mark.parametrize("table", ["requires", "known_bad"])
@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"specifier": ">=one"}, "0.specifier': Invalid specifier: '>=one'"),
        ({"marker": "sys_platform is linux"}, "0.marker': Expected marker operator"),
        ({"source": ""}, "0.source': "),
        ({"reasons": "x"}, "0.reasons', did you mean 'reason'?"),
    ],
)
def test_a_wrong_condition_is_refused(table: str, changes: dict[str, Any], message: str) -> None:
    value = good()
    value[table] = [value[table][0] | changes]
    with pytest.raises(InputError) as error:
        parse(Profile, value, "mine.toml")
    assert f"{table}.{message}" in str(error.value)
    assert "\n" not in str(error.value)


def facts_with_a_source() -> list[str]:
    return sorted(good()["sources"])


@pytest.mark.parametrize("fact", facts_with_a_source())
def test_every_fact_needs_a_source(fact: str) -> None:
    value = good()
    del value["sources"][fact]
    with pytest.raises(InputError, match=f"{fact!r} has no source"):
        parse(Profile, value, "mine.toml")


def test_a_source_may_apply_to_a_whole_part() -> None:
    value = good()
    value["sources"] = {key: text for key, text in value["sources"].items() if not key.startswith("budget.")}
    value["sources"]["budget"] = "own decision"
    assert parse(Profile, value, "mine.toml").sources["budget"] == "own decision"


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("thread", "'thread' is not a fact of this profile, did you mean 'threads'?"),
        ("runtimes.onxx", "'runtimes.onxx' is not a fact of this profile, did you mean 'runtimes.onnx'?"),
        ("name", "'name' is not a fact of this profile"),
    ],
)
def test_a_source_names_a_fact(key: str, message: str) -> None:
    value = good()
    value["sources"][key] = "somewhere"
    with pytest.raises(InputError) as error:
        parse(Profile, value, "mine.toml")
    assert message in str(error.value)


def test_a_users_profile_is_read_from_its_file(tmp_path: Path) -> None:
    text = (Path(profile.__file__).parent / "raspberry-pi-5.toml").read_text(encoding="utf-8")
    path = tmp_path / "my board.toml"
    path.write_text(text.replace("threads = 4", "threads = 3"), encoding="utf-8")
    assert profile.read(str(path)).threads == 3


def test_a_shipped_profile_has_the_name_of_its_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (Path(profile.__file__).parent / "raspberry-pi-5.toml").read_text(encoding="utf-8")
    (tmp_path / "raspberry-pi-6.toml").write_text(text, encoding="utf-8")
    monkeypatch.setattr(profile, "_folder", lambda: tmp_path)
    with pytest.raises(InputError, match="it must be 'raspberry-pi-6', the name of the file"):
        profile.read("raspberry-pi-6")


@given(st.lists(st.integers(1, 512), max_size=6))
def test_buckets_must_be_ascending(buckets: list[int]) -> None:
    value = {**good(), "length_buckets_tokens": buckets}
    if buckets and all(low < high for low, high in pairwise(buckets)):
        assert parse(Profile, value, "mine.toml").length_buckets_tokens == tuple(buckets)
    else:
        with pytest.raises(InputError, match="length_buckets_tokens"):
            parse(Profile, value, "mine.toml")


@given(st.text(max_size=30))
def test_any_unknown_name_is_an_input_error(name: str) -> None:
    if name not in SHIPPED:
        with pytest.raises(InputError):
            profile.read(name)

"""Runtimes that are broken in each way we know of, tried in real processes: each is named, and nothing else suffers."""

import platform
import signal
import sys

import pytest

from infer import runtimes
from infer.doctor.probe import IMPORT
from infer.doctor.trial import Tried, try_runtime
from targets.profile import Precision, RuntimeName, read
from tests.infer.doctor.conftest import REAL, Doctored

PROFILE = read("laptop-x86")
ANSWERS = f"""{REAL}
run = real.InferenceSession.run
def changed(self, *arguments):
    return [change(array) for array in run(self, *arguments)]
real.InferenceSession.run = changed
def change(array):
    """
LIBRARIES = {"onnx": "onnxruntime", "openvino": "openvino", "tflite": "ai_edge_litert"}
TESTED = "for the tested version, in a clone of tinybert-edge, run pip install -c constraints.txt '.[onnx]'"


def kill(name: str) -> str:
    return f"import os, signal; os.kill(os.getpid(), signal.{name})"


def at_load(code: str) -> str:
    return f"{REAL}\ndef load(*_, **options):\n    {code}\nreal.InferenceSession = load"


@pytest.mark.parametrize("runtime", RuntimeName)
@pytest.mark.parametrize("profile", ["laptop-x86", "raspberry-pi-os-32-bit", None])
def test_a_runtime_that_is_installed_works(runtime: RuntimeName, profile: str | None) -> None:
    tried = try_runtime(runtime, read(profile) if profile else None)
    assert tried.state == "works"
    assert tried.precisions == (Precision.FP32, Precision.INT8)
    assert tried.version == runtimes.version(runtime)
    assert all(finding.severity == "note" for finding in tried.findings)


@pytest.mark.parametrize(
    ("code", "cause", "cure"),
    [
        pytest.param(
            "raise ImportError('libgomp.so.1: cannot open shared object file')",
            "its import failed: its process failed (ImportError: libgomp.so.1: cannot open shared object file)",
            TESTED,
            id="a system library is missing",
        ),
        pytest.param(
            "import flatbufferz",
            "its import failed: flatbufferz is not installed",
            ".[onnx]",
            id="a package is missing",
        ),
        pytest.param(
            kill("SIGILL"),
            "its import failed: its process was ended by SIGILL (this build of the library uses an instruction the "
            "processor lacks: install another version)",
            TESTED,
            id="illegal instruction",
        ),
        pytest.param(
            kill("SIGKILL"),
            "its import failed: its process was ended by SIGKILL (probably out of memory",
            "close other programs and try again",
            id="killed",
        ),
        pytest.param(
            "import os; os._exit(0)",
            "its import failed: its process ended with exit code 0 and no answer",
            TESTED,
            id="silent",
        ),
        pytest.param(
            at_load(kill("SIGSEGV")), "loading a model failed: its process was ended by SIGSEGV", TESTED, id="crash"
        ),
        pytest.param(
            at_load("raise SystemError('<built-in method at 0x7f53> returned a result with an exception set')"),
            "loading a model failed: its process failed (SystemError: <built-in method> returned a result with an",
            TESTED,
            id="imports but does not run",
        ),
        pytest.param(
            "import sys; print('A module that was compiled using NumPy 1.x cannot be run in', file=sys.stderr)\n"
            + at_load("raise SystemError('initialization of _pywrap raised unreported exception')"),
            "raised unreported exception, as the library was built for NumPy 1)",
            "run: pip install 'numpy<2'",
            id="NumPy 2",
        ),
        pytest.param(
            f"{ANSWERS}raise RuntimeError('no kernel for Gather')",
            "running a model failed: its process failed (RuntimeError: no kernel for Gather)",
            TESTED,
            id="lacks an operation",
        ),
        pytest.param(
            f"{ANSWERS}return array * float('nan')", "its answers are not finite", "another version", id="not finite"
        ),
        pytest.param(f"{ANSWERS}return -array", "its answers are wrong, by up to 1.7e+00", "do not use", id="wrong"),
        pytest.param(
            f"{ANSWERS}return (array.astype('float16') + 1e-3).astype('float32')",
            "it computes in 16 bits what should have 32",
            "unset what asks the library for f16 or bf16",
            id="half precision",
        ),
    ],
)
def test_what_is_broken_is_named(doctored: Doctored, code: str, cause: str, cure: str) -> None:
    doctored("onnxruntime", code)
    tried = try_runtime(RuntimeName("onnx"), PROFILE)
    assert tried.state == "fails"
    assert Precision.FP32 not in tried.precisions
    finding = tried.findings[0]
    assert finding.subject in ("onnx", "onnx fp32")
    assert finding.severity == "error"
    assert cause in finding.cause
    assert cure in finding.cure
    assert "\n" not in finding.cause + finding.cure
    assert "/tmp" not in finding.cause


def test_a_library_that_hangs_is_ended(doctored: Doctored) -> None:
    doctored("onnxruntime", at_load("import time; time.sleep(600)"))
    tried = try_runtime(RuntimeName("onnx"), PROFILE, timeout_s=2)
    (finding,) = tried.findings  # the same of both models
    assert finding.subject == "onnx"
    assert finding.cause == "loading a model failed: its process did not end within 2 s and was killed"


@pytest.mark.parametrize("runtime", RuntimeName)
def test_each_runtime_may_crash_when_it_is_imported(runtime: RuntimeName, doctored: Doctored) -> None:
    doctored(LIBRARIES[runtime], kill("SIGILL"))
    tried = try_runtime(runtime, PROFILE)
    assert [trial.step for trial in tried.trials] == [IMPORT]  # not once for each model
    (finding,) = tried.findings
    assert finding.cause.startswith("its import failed: its process was ended by SIGILL")
    assert finding.cure.endswith(f".[{runtime}]'")


def test_what_crashes_in_int8_works_in_fp32(doctored: Doctored) -> None:
    crash = f"str(model).endswith('.onnx') and b'DynamicQuantizeLinear' in open(model, 'rb').read() and {kill_now()}"
    doctored("onnxruntime", f"{REAL}\nload = real.InferenceSession\n" + _load_unless(crash))
    tried = try_runtime(RuntimeName("onnx"), PROFILE)
    assert (tried.state, tried.precisions) == ("fails", (Precision.FP32,))
    assert [finding.subject for finding in tried.findings] == ["onnx int8"]


def kill_now() -> str:
    return f"__import__('os').kill(__import__('os').getpid(), {int(signal.SIGSEGV)})"


def _load_unless(crash: str) -> str:
    return f"def changed(model, *rest, **options):\n    {crash}\n    return load(model, *rest, **options)\n" + (
        "real.InferenceSession = changed"
    )


def test_answers_of_another_processor_are_right_and_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    if platform.machine() not in ("x86_64", "AMD64"):
        pytest.skip("oneDNN can be held to older instructions on x86 only")
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", "AVX2")  # without VNNI
    tried = try_runtime(RuntimeName("openvino"), PROFILE)
    (finding,) = tried.findings
    assert tried.state == "works"
    assert (finding.subject, finding.severity) == ("openvino int8", "note")
    assert "from those on x86-64 with VNNI" in finding.cause


@pytest.mark.skipif(sys.platform == "darwin", reason="LiteRT has no XNNPACK to switch off there")
def test_a_model_without_its_fast_kernels_is_noticed(doctored: Doctored) -> None:
    code = """
from functools import partial
from ai_edge_litert import interpreter
slow = interpreter.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
interpreter.Interpreter = partial(interpreter.Interpreter, experimental_op_resolver_type=slow)
"""
    doctored("ai_edge_litert", REAL + code)
    tried = try_runtime(RuntimeName("tflite"), PROFILE)
    assert tried.state == "works"
    warnings = [finding for trial in tried.trials for finding in trial.findings if finding.severity == "warning"]
    assert [finding.subject for finding in warnings] == ["tflite fp32", "tflite int8"]
    assert {finding.cause for finding in warnings} == {"it runs without XNNPACK, which is slower"}


def test_a_missing_library_is_not_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtimes, "find_spec", lambda _library: None)
    tried = try_runtime(RuntimeName("onnx"), PROFILE, command=("false",))
    assert tried == Tried(runtime=RuntimeName("onnx"), version="", trials=())
    assert tried.state == "not installed"


@pytest.mark.parametrize("answer", ["{}", '{"logits": 1}', '{"logits": ["a"]}', '{"logits": [[1, 2]]}', "garbage"])
def test_an_answer_that_is_none_is_a_failure(answer: str) -> None:
    command = (sys.executable, "-c", f"print({answer!r})")
    tried = try_runtime(RuntimeName("onnx"), PROFILE, command=command)
    assert tried.state == "fails"

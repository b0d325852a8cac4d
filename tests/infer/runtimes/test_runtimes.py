"""Every runtime, the fake too, passes the same tests, on the same model in its own format."""

import builtins
import importlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import distill.runtime
import infer.runtimes.fake
import infer.runtimes.onnx
import infer.runtimes.openvino
import infer.runtimes.tflite
from contract.errors import InputError, MissingExtraError
from contract.tokens import Batch, Tokens
from infer import runtimes
from infer.folders.model import MODEL, Model
from infer.runtimes.protocol import Runtime
from infer.safety.openvino_ir import PRECISION_HINT
from infer.worker.client import outputs_of

MODULES: tuple[Runtime, ...] = (
    infer.runtimes.fake,
    infer.runtimes.onnx,
    infer.runtimes.openvino,
    distill.runtime,
    infer.runtimes.tflite,
)
TOLERANCE = 1e-5


@pytest.fixture(params=sorted(runtimes.RUNTIMES))
def model(request: pytest.FixtureRequest, model_of: Callable[[str], Any]) -> Any:
    return model_of(request.param)


def load(model: Any, threads: int = 1, buckets: tuple[int, ...] | None = None) -> Any:
    runtime = runtimes.get(model.runtime)
    runtime.start()
    graph = model.graph if buckets is None else model.graph.padded_to(buckets)
    return runtime.load(model.folder, graph, threads=threads)


def answers(session: Any, batch: Batch) -> Any:
    (logits_BC,) = session.run(batch.by_role()).values()
    return logits_BC


@pytest.mark.parametrize("threads", [1, 2])
def test_each_sentence_gets_the_logits_of_pytorch(model: Any, threads: int, tokens: Tokens) -> None:
    session = load(model, threads)
    for row in range(len(tokens)):
        batch = tokens.batch([row], session.padded_length(int(tokens.lengths[row])))
        logits_BC = answers(session, batch)
        assert logits_BC.dtype == np.float32
        np.testing.assert_allclose(logits_BC, model.expected_NC[[row]], atol=TOLERANCE)


def test_padding_and_company_change_nothing(model: Any, tokens: Tokens) -> None:
    session = load(model)
    rows = [0, 5, 1]
    batch = tokens.batch(rows, session.padded_length(int(tokens.lengths[rows].max())))
    np.testing.assert_allclose(answers(session, batch), model.expected_NC[rows], atol=TOLERANCE)


def test_logits_are_not_overwritten_by_the_next_inference(model: Any, tokens: Tokens) -> None:
    session = load(model)
    length_tokens = session.padded_length(int(tokens.lengths.max()))
    first = answers(session, tokens.batch([0], length_tokens))
    kept = first.copy()
    for row in range(1, 6):
        answers(session, tokens.batch([row], length_tokens))
    np.testing.assert_array_equal(first, kept)


def test_a_sentence_is_padded_to_the_nearest_bucket_only_where_there_are_buckets(model: Any) -> None:
    session = load(model)
    expected = {3: 8, 8: 8, 9: 16, 16: 16} if model.graph.source_lengths else {3: 3, 8: 8, 9: 9, 16: 16}
    assert {length: session.padded_length(length) for length in expected} == expected
    if model.graph.source_lengths:
        with pytest.raises(ValueError, match="a sentence of 17 tokens does not fit the model's longest, 16"):
            session.padded_length(17)


@pytest.mark.parametrize("runtime", ["onnx", "openvino"])
def test_a_model_of_any_length_can_be_held_to_buckets(
    runtime: str, model_of: Callable[[str], Any], tokens: Tokens
) -> None:
    model = model_of(runtime)
    session = load(model, buckets=(8, 16))
    for row in range(4):
        batch = tokens.batch([row], session.padded_length(int(tokens.lengths[row])))
        np.testing.assert_allclose(answers(session, batch), model.expected_NC[[row]], atol=TOLERANCE)


@pytest.mark.parametrize(
    "most",
    [
        {},
        {"ATEN_CPU_CAPABILITY": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2"},
        {"ATEN_CPU_CAPABILITY": "default", "ONEDNN_MAX_CPU_ISA": "AVX"},
    ],
    ids=["this processor", "AVX2", "AVX"],
)
def test_a_worker_answers_as_the_runtime_does(
    model: Any, tokens: Tokens, monkeypatch: pytest.MonkeyPatch, most: dict[str, str]
) -> None:
    """Whatever of the processor's instructions PyTorch and OpenVINO may use."""
    for name, value in most.items():
        monkeypatch.setenv(name, value)
    subject = Model(folder=model.folder, runtime=model.runtime, graphs={MODEL: model.graph}, threads=1, pad_id=0)
    outputs = outputs_of(subject, tokens)
    np.testing.assert_allclose(outputs.logits.values, model.expected_NC, atol=TOLERANCE)


@pytest.mark.parametrize("hint", ["", "f32", "f16"])
def test_openvino_computes_in_what_the_model_says(
    model_of: Callable[[str], Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hint: str
) -> None:
    import openvino

    model = model_of("openvino")
    network = openvino.Core().read_model(model.folder / model.graph.file)
    if hint:
        network.set_rt_info(hint, list(PRECISION_HINT))
    openvino.save_model(network, tmp_path / "model.xml", compress_to_fp16=False)
    asked = []
    compile_model = openvino.Core.compile_model

    def noted(core: Any, network: Any, device: str, settings: dict[str, Any]) -> Any:
        asked.append(settings["INFERENCE_PRECISION_HINT"])
        return compile_model(core, network, device, settings)

    monkeypatch.setattr(openvino.Core, "compile_model", noted)
    runtimes.get("openvino").load(tmp_path, model.graph, threads=1)
    # Where oneDNN is held to older instructions, half precision is not even tried.
    is_held = os.environ.get("ONEDNN_MAX_CPU_ISA", "") in infer.runtimes.openvino.BEFORE_AVX512
    assert asked == ["f32" if is_held else hint or "f32"]


def test_a_missing_bucket_is_named(model_of: Callable[[str], Any]) -> None:
    with pytest.raises(InputError, match=r"no signature seq64 \(it has: seq8, seq16\)"):
        load(model_of("tflite"), buckets=(8, 64))


def test_an_unknown_runtime_is_refused() -> None:
    with pytest.raises(InputError, match="unknown runtime 'onyx': known: onnx, openvino"):
        runtimes.get("onyx")


@pytest.mark.parametrize(
    ("name", "library", "extra"),
    [
        ("onnx", "onnxruntime", "onnx"),
        ("openvino", "openvino", "openvino"),
        ("tflite", "tflite_runtime", "tflite"),
        ("pytorch", "torch", "distill"),
    ],
)
def test_a_missing_library_names_its_cure(name: str, library: str, extra: str, monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def refuse(module: str, *rest: Any) -> Any:
        if module.split(".")[0] in (library, "ai_edge_litert"):
            raise ModuleNotFoundError(f"No module named {module!r}", name=module)
        return real(module, *rest)

    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(
        MissingExtraError,
        match=rf"{library}.* is not installed: in a clone of tinybert-edge, run pip install .*\[{extra}\]",
    ):
        runtimes.get(name).start()


def test_a_library_is_missed_before_a_process_is_started(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtimes, "find_spec", lambda _library: None)
    with pytest.raises(
        MissingExtraError,
        match=r"openvino is not installed: in a clone of tinybert-edge, run pip install .*\[openvino\]",
    ):
        runtimes.require("openvino")
    runtimes.require("fake")


@pytest.mark.parametrize("name", ["onnx", "openvino", "tflite", "pytorch"])
def test_a_runtime_has_a_version(name: str) -> None:
    runtimes.require(name)
    assert runtimes.version(name)[-1].isdigit() or "torch" in runtimes.version(name)


def test_every_runtime_is_in_the_table() -> None:
    files = {path.stem for path in Path(runtimes.__file__).parent.glob("*.py")}
    assert set(runtimes.RUNTIMES) == files - {"__init__", "protocol", "lengths"} | {runtimes.PYTORCH}
    assert {importlib.import_module(entry.module) for entry in runtimes.RUNTIMES.values()} == set(MODULES)

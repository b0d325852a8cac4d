"""Requirements of every converter, on real models in their real runtimes."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from contract.folder import verify
from contract.tokens import read_tokens
from convert import onnx, openvino, tflite
from convert.converter import Converter
from convert.parity import FP32_LIMIT, compare
from infer.folders.artifact import CARD, EVALUATION, Artifact, read_artifact
from infer.folders.student import read_evaluation
from infer.outputs import Outputs
from infer.tasks import classification
from infer.worker.client import outputs_of
from targets.profile import Precision, RuntimeName

# mypy checks that each module implements the protocol.
CONVERTERS: tuple[Converter, ...] = (onnx, openvino, tflite)

Answer = Callable[[list[NDArray[np.int64]]], NDArray[np.float32]]

RUNTIMES = tuple(RuntimeName)
BOTH = (Precision.FP32, Precision.INT8)
TASK = classification.Settings(labels=("bad", "good"))
VARIANTS = [f"{runtime}-{precision}" for runtime in RUNTIMES for precision in BOTH]


def outputs(artifact: Path, buckets: tuple[int, ...]) -> Outputs:
    manifest = read_artifact(artifact)
    model = replace(manifest.model(artifact), threads=1).padded_to(manifest.graph.source_lengths or buckets)
    return outputs_of(model, read_tokens(artifact / EVALUATION)[0])


@pytest.fixture(scope="session")
def read(artifacts: Path) -> dict[str, Artifact]:
    return {variant: read_artifact(artifacts / variant) for variant in VARIANTS}


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_padded_fp32_matches_the_student(artifacts: Path, student: Path, runtime: RuntimeName) -> None:
    evaluation = read_evaluation(student)
    parity = compare(evaluation.student, outputs(artifacts / f"{runtime}-fp32", (40,)), TASK, evaluation.labels)
    assert parity.max_abs_difference < FP32_LIMIT


@pytest.mark.parametrize("precision", BOTH)
@pytest.mark.parametrize("most", ["AVX", "AVX2", "AVX512_CORE", "DEFAULT"])
def test_openvino_matches_the_student_with_fewer_instructions(
    artifacts: Path, student: Path, monkeypatch: pytest.MonkeyPatch, precision: Precision, most: str
) -> None:
    """The environment limits the instructions: without and with AVX2, VNNI, bfloat16 and AMX."""
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", most)  # inherited by the process that runs the model
    evaluation = read_evaluation(student)
    parity = compare(evaluation.student, outputs(artifacts / f"openvino-{precision}", (40,)), TASK, evaluation.labels)
    assert (parity.max_abs_difference < FP32_LIMIT) == (precision is Precision.FP32)
    assert parity.agreement > 0.9


@pytest.mark.parametrize("variant", VARIANTS)
def test_parity_is_recorded(read: dict[str, Artifact], variant: str) -> None:
    parity = read[variant].parity
    assert parity.sentences == 80
    assert 0 < parity.mean_abs_difference <= parity.max_abs_difference
    assert (parity.max_abs_difference < FP32_LIMIT) == (read[variant].precision is Precision.FP32)
    assert parity.agreement > 0.9


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_int8_is_smaller_and_describes_its_quantisation(read: dict[str, Artifact], runtime: RuntimeName) -> None:
    fp32, int8 = read[f"{runtime}-fp32"], read[f"{runtime}-int8"]
    assert weight_bytes(int8) < weight_bytes(fp32)
    assert fp32.quantization == ()
    assert int8.quantization


def weight_bytes(artifact: Artifact) -> int:
    return max(
        entry.size_bytes for name, entry in artifact.files.items() if name.startswith("model") and "xml" not in name
    )


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_folder_is_complete_and_has_no_labels(artifacts: Path, student: Path, variant: str) -> None:
    artifact = read_artifact(artifacts / variant)
    verify(artifacts / variant, artifact)
    tokens, others = read_tokens(artifacts / variant / EVALUATION)
    assert others == {}
    assert tokens.ids_T.tobytes() == read_evaluation(student).tokens.ids_T.tobytes()
    assert (artifacts / variant / "tokenizer.json").read_bytes() == (student / "tokenizer.json").read_bytes()
    assert set(artifact.parents) == {"student", "teacher"}
    assert "tinybert-edge" in artifact.tool_versions


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_model_has_no_external_data(read: dict[str, Artifact], variant: str) -> None:
    expected = {"onnx": {"model.onnx"}, "openvino": {"model.xml", "model.bin"}, "tflite": {"model.tflite"}}
    models = set(read[variant].files) - {CARD, EVALUATION, "tokenizer.json"}
    assert models == expected[read[variant].runtime]


@pytest.mark.parametrize("precision", BOTH)
def test_onnx_takes_any_batch_and_length(artifacts: Path, student: Path, precision: Precision) -> None:
    import onnxruntime

    session = onnxruntime.InferenceSession(artifacts / f"onnx-{precision}" / "model.onnx")

    def answer(arrays: list[NDArray[np.int64]]) -> NDArray[np.float32]:
        names = [port.name for port in session.get_inputs()]
        assert names == ["input_ids", "attention_mask", "token_type_ids"]
        logits_BC: NDArray[np.float32] = session.run(["logits"], dict(zip(names, arrays, strict=True)))[0]
        return logits_BC

    check_batches(answer, student, precision)


@pytest.mark.parametrize("precision", BOTH)
def test_openvino_takes_any_batch_and_length(artifacts: Path, student: Path, precision: Precision) -> None:
    import openvino as library

    folder = artifacts / f"openvino-{precision}"
    model = library.Core().compile_model(folder / "model.xml", "CPU", {"INFERENCE_PRECISION_HINT": "f32"})

    def answer(arrays: list[NDArray[np.int64]]) -> NDArray[np.float32]:
        names = [port.any_name for port in model.inputs]
        assert names == ["input_ids", "attention_mask", "token_type_ids"]
        logits_BC: NDArray[np.float32] = model(dict(zip(names, arrays, strict=True)))["logits"].copy()
        return logits_BC

    check_batches(answer, student, precision)


def check_batches(answer: Answer, student: Path, precision: Precision) -> None:
    evaluation = read_evaluation(student)
    for rows, length_tokens in ((range(1), None), (range(7), None), (range(3, 12), 33), (range(20, 22), 64)):
        batch = evaluation.tokens.batch(rows, length_tokens)
        logits_BC = answer([batch.input_ids_BL, batch.attention_mask_BL, batch.token_type_ids_BL])
        difference = np.abs(logits_BC - evaluation.student.logits.values[list(rows)]).max()
        assert difference < (FP32_LIMIT if precision is Precision.FP32 else 0.5)


@pytest.mark.parametrize("precision", BOTH)
def test_tflite_has_a_signature_for_each_bucket(artifacts: Path, precision: Precision) -> None:
    from ai_edge_litert.interpreter import Interpreter

    folder = artifacts / f"tflite-{precision}"
    interpreter = Interpreter(str(folder / "model.tflite"))
    artifact = read_artifact(folder)
    assert artifact.graph.source_lengths == (16, 32)  # the profile's lengths up to the first that fits 24 tokens
    assert set(interpreter.get_signature_list()) == {"seq16", "seq32"}
    for length_tokens in artifact.graph.source_lengths:
        inputs = interpreter.get_signature_runner(f"seq{length_tokens}").get_input_details()
        assert tuple(inputs) == tuple(tensor.name for tensor in artifact.graph.inputs) == ("args_0", "args_1", "args_2")
        for details in inputs.values():
            assert details["dtype"] is np.int32
            assert details["shape"].tolist() == [1, length_tokens]

"""All offered precisions, rewrites and mixed variants, with the real converters and runtimes."""

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from filelock import FileLock
from onnx import TensorProto
from pydantic import ValidationError

from contract.errors import InputError
from contract.tokens import read_tokens, write_tokens
from convert import process
from convert.build import convert_student
from convert.converter import Exported, get
from convert.job import Job, Source
from convert.operations import belongs_to, operations
from convert.parity import FP32_LIMIT, compare
from convert.precisions import offered_precisions
from infer.folders.artifact import Artifact, Parity, read_artifact
from infer.folders.model import MODEL, Model
from infer.folders.rewrite import Calibration, Rewrite
from infer.folders.student import CALIBRATION, read_evaluation, read_student
from infer.folders.variant import Variant
from infer.safety.openvino_ir import PRECISION_HINT
from infer.worker.client import outputs_of
from targets.profile import Precision, Profile, RuntimeName, names, read

OFFERED = [
    (runtime, precision)
    for runtime in RuntimeName
    for precision in offered_precisions(read("laptop-x86-vnni"), runtime)
]
OTHERS = [pair for pair in OFFERED if pair[1] not in (Precision.FP32, Precision.INT8)]
# Largest accepted difference of a logit, with logits between -2 and 2.
WORST = {Precision.FP16: 0.01, Precision.INT8_WEIGHT: 0.1, Precision.INT8_STATIC: 0.5, Precision.INT4_WEIGHT: 1.0}
WHOLE_NUMBERS = {TensorProto.INT4, TensorProto.UINT4, TensorProto.INT8, TensorProto.UINT8}


pytestmark = pytest.mark.usefixtures("in_process")


@pytest.fixture
def converted(in_process: None, shared: Path, student: Path, profile: Profile, artifacts: Path) -> Path:
    """Artifacts in the precisions that a profile does not name."""
    del in_process, artifacts  # converted first: their fp32 models are reused
    with FileLock(shared / "others.lock"):
        convert_student(
            student,
            profile,
            out=shared / "artifacts",
            precisions=sorted({precision.value for _, precision in OTHERS}),
        )
    return shared / "artifacts" / profile.name


@pytest.mark.parametrize(("runtime", "precision"), OTHERS)
def test_every_offered_precision_is_close_to_the_student(
    converted: Path, runtime: RuntimeName, precision: Precision
) -> None:
    artifact = read_artifact(converted / f"{runtime}-{precision}")
    assert artifact.parity.max_abs_difference < WORST[precision]
    assert artifact.quantization
    assert size(artifact) < size(read_artifact(converted / f"{runtime}-fp32"))


@pytest.mark.parametrize("precision", [precision for runtime, precision in OTHERS if runtime is RuntimeName.ONNX])
def test_onnx_has_no_table_in_float(converted: Path, student: Path, precision: Precision) -> None:
    config = json.loads((student / "config.json").read_text())
    graph = onnx.load(converted / f"onnx-{precision}" / "model.onnx").graph
    tables = [tensor for tensor in graph.initializer if tensor.dims == [config["vocab_size"], config["hidden_size"]]]
    assert {tensor.data_type for tensor in tables} < WHOLE_NUMBERS
    assert len(tables) == 1


@pytest.mark.parametrize("precision", [precision for runtime, precision in OTHERS if runtime is RuntimeName.OPENVINO])
@pytest.mark.parametrize("most", ["AVX2", "AVX2_VNNI", "AVX512_CORE", "DEFAULT"])
def test_openvino_answers_with_fewer_instructions(
    converted: Path, student: Path, monkeypatch: pytest.MonkeyPatch, precision: Precision, most: str
) -> None:
    """OpenVINO looks at the processor, oneDNN at this variable: they must not disagree on kernels."""
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", most)  # inherited by the process that runs the model
    folder = converted / f"openvino-{precision}"
    model = Exported(graph=read_artifact(folder).graph)
    assert parity_of(student, folder, model, RuntimeName.OPENVINO).max_abs_difference < WORST[precision]


@pytest.mark.parametrize("precision", ["fp32", "int8", "fp16"])
@pytest.mark.parametrize(("device", "floats"), [("laptop-x86", "f32"), ("raspberry-pi-5", "f16")])
def test_openvino_models_name_their_floating_point_type(
    converted: Path, student: Path, tmp_path: Path, precision: str, device: str, floats: str
) -> None:
    import openvino

    variant = Variant(runtime=RuntimeName.OPENVINO, precision=Precision(precision))
    fp32 = None if precision == "fp32" else source(converted, RuntimeName.OPENVINO)
    convert(variant, student, read(device), tmp_path, fp32)
    hint = openvino.Core().read_model(tmp_path / "model.xml").get_rt_info(list(PRECISION_HINT)).astype(str)
    assert hint == (floats if precision == "fp16" else "f32")


def test_static_products_of_tflite_are_static(converted: Path) -> None:
    from ai_edge_litert.interpreter import Interpreter

    static = Interpreter(str(converted / "tflite-int8-static" / "model.tflite"))
    scaled = {tensor["index"] for tensor in static.get_tensor_details() if tensor["dtype"] is np.int8}
    products = [operation for operation in static._get_ops_details() if operation["op_name"] == "FULLY_CONNECTED"]
    assert sum(int(product["inputs"][0]) in scaled for product in products) >= len(products) - 2


@pytest.mark.parametrize("are_long", [False, True], ids=["short alone", "long alone"])
def test_a_length_without_calibration_sentences_borrows_others(
    converted: Path, changeable: Path, seal: Callable[[Path], None], profile: Profile, tmp_path: Path, are_long: bool
) -> None:
    tokens, _ = read_tokens(changeable / CALIBRATION)
    shortest = profile.length_buckets_tokens[0]
    kept = [row for row, length in enumerate(tokens.lengths) if (length > shortest) == are_long]
    write_tokens(changeable / CALIBRATION, tokens.take(kept))
    seal(changeable)
    variant = Variant(runtime=RuntimeName.TFLITE, precision=Precision.INT8_STATIC)
    static = convert(variant, changeable, profile, tmp_path, source(converted, RuntimeName.TFLITE))
    assert len(static.graph.source_lengths) > 1
    parity = parity_of(changeable, tmp_path, static, RuntimeName.TFLITE)
    assert parity.max_abs_difference < WORST[Precision.INT8_STATIC]


def size(artifact: Artifact) -> int:
    weights = ("model.onnx", "model.bin", "model.tflite")
    return max(entry.size_bytes for name, entry in artifact.files.items() if name in weights)


@pytest.mark.parametrize("runtime", RuntimeName)
@pytest.mark.parametrize(
    "rewrites",
    [
        (),
        (Rewrite.FIRST_TOKEN, Rewrite.SCALED_QUERY),
        (Rewrite.SCALED_QUERY, Rewrite.ONE_PRODUCT),
        (Rewrite.FIRST_TOKEN, Rewrite.SCALED_QUERY, Rewrite.ONE_PRODUCT),
    ],
    ids="+".join,
)
def test_rewrites_keep_the_logits(
    student: Path, profile: Profile, tmp_path: Path, runtime: RuntimeName, rewrites: tuple[Rewrite, ...]
) -> None:
    variant = Variant(runtime=runtime, precision=Precision.FP32, rewrites=rewrites)
    fp32 = convert(variant, student, profile, tmp_path, None)
    assert fp32.rewrites == rewrites
    parity = parity_of(student, tmp_path, fp32, runtime)
    assert parity.max_abs_difference < FP32_LIMIT


# Operations of a two-layer model as ONNX Runtime runs it: those that rewrites add, and those that they remove.
OPERATIONS: list[tuple[tuple[Rewrite, ...], dict[str, int]]] = [
    ((), {"Softmax": 2, "MultiHeadAttention": 0, "SkipLayerNormalization": 5}),
    ((Rewrite.FUSED_ATTENTION,), {"Softmax": 0, "MultiHeadAttention": 2, "SkipLayerNormalization": 5}),
    ((Rewrite.FIRST_TOKEN, Rewrite.FUSED_ATTENTION), {"Softmax": 0, "MultiHeadAttention": 2}),
    ((Rewrite.SEPARATE_NORM,), {"Softmax": 2, "LayerNormalization": 5, "SkipLayerNormalization": 0}),
    (
        (Rewrite.SCALED_QUERY, Rewrite.ONE_PRODUCT, Rewrite.FUSED_ATTENTION, Rewrite.SEPARATE_NORM),
        {"MultiHeadAttention": 2, "Split": 2, "LayerNormalization": 5, "SkipLayerNormalization": 0},
    ),
]


@pytest.mark.parametrize(("rewrites", "counts"), OPERATIONS)
def test_onnx_runtime_runs_the_rewritten_operations(
    student: Path, profile: Profile, tmp_path: Path, rewrites: tuple[Rewrite, ...], counts: dict[str, int]
) -> None:
    variant = Variant(runtime=RuntimeName.ONNX, precision=Precision.FP32, rewrites=rewrites)
    fp32 = convert(variant, student, profile, tmp_path, None)
    assert fp32.rewrites == rewrites
    actual = optimised_operations(tmp_path / "model.onnx", tmp_path / "optimised.onnx")
    assert {name: actual[name] for name in counts} == counts
    assert parity_of(student, tmp_path, fp32, RuntimeName.ONNX).max_abs_difference < FP32_LIMIT


def optimised_operations(model: Path, optimised: Path) -> "Counter[str]":
    """Return the operations of a model after ONNX Runtime's optimisation for one length."""
    import onnx
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.optimized_model_filepath = str(optimised)
    options.add_free_dimension_override_by_name("batch", 1)
    options.add_free_dimension_override_by_name("length", 16)
    options.log_severity_level = 3
    onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
    return Counter(node.op_type for node in onnx.load(str(optimised)).graph.node)


@pytest.mark.parametrize("runtime", [RuntimeName.OPENVINO, RuntimeName.TFLITE])
@pytest.mark.parametrize("rewrite", [Rewrite.FUSED_ATTENTION, Rewrite.SEPARATE_NORM])
def test_rewrites_of_another_runtime_are_rejected(runtime: RuntimeName, rewrite: Rewrite) -> None:
    with pytest.raises(ValidationError, match=f"{rewrite}: not for {runtime}"):
        Variant(runtime=runtime, precision=Precision.FP32, rewrites=(rewrite,))


@pytest.mark.parametrize(
    ("runtime", "precision"),
    [*((name, Precision.FP32) for name in RuntimeName), (RuntimeName.OPENVINO, Precision.FP16)],
)
def test_uniform_precisions_keep_no_operation_in_float(runtime: RuntimeName, precision: Precision) -> None:
    with pytest.raises(ValidationError, match=f"kept_in_float: {runtime} {precision} treats all operations alike"):
        Variant(runtime=runtime, precision=precision, kept_in_float=("embeddings",))


def test_an_unknown_operation_is_named(converted: Path, student: Path, profile: Profile, tmp_path: Path) -> None:
    variant = Variant(runtime=RuntimeName.ONNX, precision=Precision.INT8, kept_in_float=("layer2-attention",))
    with pytest.raises(
        InputError, match="no operation 'layer2-attention' to keep in float: it has: embeddings, layer0-"
    ):
        convert(variant, student, profile, tmp_path, source(converted, RuntimeName.ONNX))


@pytest.mark.parametrize("runtime", RuntimeName)
def test_all_operations_in_float_give_the_students_outputs(
    converted: Path, student: Path, profile: Profile, tmp_path: Path, runtime: RuntimeName
) -> None:
    all_in_float = Variant(runtime=runtime, precision=Precision.INT8, kept_in_float=operations(2))
    one_in_float = all_in_float.model_copy(update={"kept_in_float": ("layer1-feed-forward",)})
    differences = []
    for variant in (one_in_float, all_in_float):
        folder = tmp_path / variant.name
        folder.mkdir()
        mixed = convert(variant, student, profile, folder, source(converted, runtime))
        assert any(variant.kept_in_float[0] in line for line in mixed.quantization)
        differences.append(parity_of(student, folder, mixed, runtime).max_abs_difference)
    assert differences[1] < FP32_LIMIT < differences[0]


@pytest.mark.parametrize("method", [Calibration.PERCENTILE, Calibration.ENTROPY])
def test_onnx_ranges_depend_on_the_method(
    converted: Path, student: Path, profile: Profile, tmp_path: Path, method: Calibration
) -> None:
    variant = Variant(runtime=RuntimeName.ONNX, precision=Precision.INT8_STATIC, calibration=method)
    static = convert(variant, student, profile, tmp_path, source(converted, RuntimeName.ONNX))
    assert method in static.quantization[1]
    assert (tmp_path / "model.onnx").read_bytes() != (converted / "onnx-int8-static" / "model.onnx").read_bytes()
    assert parity_of(student, tmp_path, static, RuntimeName.ONNX).agreement > 0.9


@pytest.mark.parametrize("target", names())
@pytest.mark.parametrize("runtime", RuntimeName)
def test_the_profiles_precisions_are_offered(target: str, runtime: RuntimeName) -> None:
    profile = read(target)
    assert set(profile.runtimes.get(runtime, ())) <= set(offered_precisions(profile, runtime))


def convert(variant: Variant, student: Path, profile: Profile, folder: Path, fp32: Source | None) -> Exported:
    lengths = (32,) if variant.runtime is RuntimeName.TFLITE else ()  # tracing each length takes seconds
    job = Job(variant=variant, student=student, destination=folder, profile=profile, lengths_tokens=lengths, fp32=fp32)
    return process.convert(job)


def source(converted: Path, runtime: RuntimeName) -> Source:
    folder = converted / f"{runtime}-fp32"
    artifact = read_artifact(folder)
    return Source(folder=folder, exported=Exported(graph=artifact.graph))


def parity_of(student: Path, folder: Path, model: Exported, runtime: RuntimeName) -> Parity:
    evaluation = read_evaluation(student)
    loadable = Model(folder=folder, runtime=runtime, graphs={MODEL: model.graph}, threads=1, pad_id=0)
    assert np.ptp(evaluation.student.logits.values) > 100 * FP32_LIMIT
    outputs = outputs_of(loadable, evaluation.tokens)
    return compare(evaluation.student, outputs, read_student(student).task, evaluation.labels)


TFLITE = "convert.classifier.Classifier/transformers.models.bert.modeling_bert.BertForSequenceClassification_student"
NODES = [
    ("embeddings", "/student/bert/embeddings/word_embeddings/Gather", RuntimeName.ONNX),
    (
        "embeddings",
        f"{TFLITE}/BertModel_bert/BertEmbeddings_embeddings/Embedding_word_embeddings;1",
        RuntimeName.TFLITE,
    ),
    (
        "layer0-attention",
        "__module.student.bert.encoder.layer.0.attention.self.query/aten::linear/MatMul",
        RuntimeName.OPENVINO,
    ),
    (
        "layer1-feed-forward",
        f"{TFLITE}/bert.BertLayer_1/modeling_bert.BertOutput_output/Linear_dense;2",
        RuntimeName.TFLITE,
    ),
    ("layer10-feed-forward", "/student/bert/encoder/layer.10/intermediate/dense/MatMul", RuntimeName.ONNX),
    (
        "layer1-attention",
        f"{TFLITE}/first_token.FirstTokenLayer_1/FirstTokenAttention_attention/Linear_query;1",
        RuntimeName.TFLITE,
    ),
    ("classifier", "/student/bert/pooler/dense/Gemm", RuntimeName.ONNX),
    ("classifier", "__module.student.classifier/aten::linear/MatMul", RuntimeName.OPENVINO),
    ("classifier", f"{TFLITE}/ElectraClassificationHead_classifier/Linear_dense;1", RuntimeName.TFLITE),
    ("classifier", "seq16_output_0_output", RuntimeName.TFLITE),
]


@pytest.mark.parametrize(("operation", "node", "runtime"), NODES)
def test_a_node_belongs_to_one_operation(operation: str, node: str, runtime: RuntimeName) -> None:
    assert [name for name in operations(11) if belongs_to(node, (name,), get(runtime).NODES)] == [operation]

"""A small student with its teacher, and the same model in every runtime's format, made here."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from transformers import BertForSequenceClassification

from contract import ragged
from contract.files import write_atomic
from contract.folder import identity, inventory, write_manifest
from contract.tokens import Tokens, from_rows, write_tokens
from infer import runtimes
from infer.folders import model as folders
from infer.folders.artifact import ARTIFACT_MANIFEST, Artifact, Parity, Quality, TokenizerSettings
from infer.folders.graph import ROLES, Graph, encoder
from infer.folders.student import (
    EVALUATION,
    SCHEMA,
    STUDENT_MANIFEST,
    TEACHER_MANIFEST,
    Evaluation,
    Student,
    Teacher,
    write_evaluation,
)
from infer.folders.variant import Variant
from infer.metrics.metric import Interval
from infer.outputs import of_logits
from infer.tasks import classification
from targets.profile import Precision, RuntimeName
from tests import tiny

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]")
WORDS = tuple(f"{front}{back}" for front in "bdfgklmnpr" for back in ("a", "e", "i", "o"))
BUCKETS = (8, 16)
LABELS = ("negative", "positive")
QUALITY = Quality(
    metric="accuracy",
    values={"accuracy": Interval(value=0.5, low=0.4, high=0.6)},
    student=0.5,
    teacher=0.5,
    drop=Interval(value=0.0, low=-0.1, high=0.1),
    distance=0.0,
)
SCRIPT = "script.json"


@dataclass(frozen=True)
class Model:
    """A model file as a runtime takes it, and what it must answer."""

    runtime: str
    folder: Path
    graph: Graph
    expected_NC: NDArray[np.float32]


def make_tokens(count: int = 24, longest: int = 14) -> Tokens:
    generator = np.random.default_rng(3)
    lengths = [longest, *generator.integers(4, longest + 1, count - 1)]
    rows = [[2, *generator.integers(len(SPECIAL), len(SPECIAL) + len(WORDS), length - 2), 3] for length in lengths]
    return from_rows(rows, [[0] * len(row) for row in rows])


def make_network(seed: int) -> BertForSequenceClassification:
    torch.manual_seed(seed)
    config = tiny.config(
        vocab_size=len(SPECIAL) + len(WORDS),
        max_position_embeddings=32,
        num_labels=len(LABELS),
        initializer_range=0.3,
        attn_implementation="eager",
    )
    network = BertForSequenceClassification(config)
    network.eval()
    return network


def logits_of(network: BertForSequenceClassification, tokens: Tokens) -> NDArray[np.float32]:
    batch = tokens.batch(range(len(tokens)))
    tensors = [torch.from_numpy(array) for array in (batch.input_ids_BL, batch.attention_mask_BL)]
    with torch.inference_mode():
        logits_NC: NDArray[np.float32] = network(input_ids=tensors[0], attention_mask=tensors[1]).logits.numpy()
    return logits_NC


@pytest.fixture(scope="session")
def tokens() -> Tokens:
    return make_tokens()


@pytest.fixture(scope="session")
def network() -> BertForSequenceClassification:
    return make_network(seed=1)


@pytest.fixture(scope="session")
def run_folder(
    tmp_path_factory: pytest.TempPathFactory, network: BertForSequenceClassification, tokens: Tokens
) -> Path:
    """A folder as `tinybert run` lays it out, with teacher-1 and student-1."""
    folder = tmp_path_factory.mktemp("run")
    teacher_network = make_network(seed=2)
    teacher, student = folder / "teacher-1", folder / "student-1"
    common: dict[str, Any] = {
        "schema_version": SCHEMA,
        "key": "0" * 64,
        "tool_versions": {},
        "name": "made-up",
        "task": classification.Settings(labels=LABELS),
        "max_length_tokens": 16,
        "parameters": 1234,
        "seed": 1,
    }
    for path, model in ((teacher, teacher_network), (student, network)):
        model.save_pretrained(path)
        tiny.tokenizer(SPECIAL + WORDS).save_pretrained(path)
    write_tokens(teacher / EVALUATION, tokens)
    write_manifest(
        teacher / TEACHER_MANIFEST,
        Teacher(**common, files=inventory(teacher), parents={}, source="made up", validation_scores={}),
    )
    student_NC = logits_of(network, tokens)
    evaluation = Evaluation(
        tokens=tokens,
        labels=ragged.single(student_NC.argmax(axis=1).astype(np.int64)),
        teacher=of_logits(logits_of(teacher_network, tokens)),
        student=of_logits(student_NC),
    )
    write_evaluation(student, evaluation)
    parents = {"teacher": identity(teacher / TEACHER_MANIFEST)}
    write_manifest(
        student / STUDENT_MANIFEST,
        Student(**common, files=inventory(student), parents=parents, shape="2 layers", recipe={}),
    )
    return folder


@pytest.fixture(scope="session")
def model_of(
    tmp_path_factory: pytest.TempPathFactory, network: BertForSequenceClassification, run_folder: Path, tokens: Tokens
) -> Callable[[str], Model]:
    """Give the model in a runtime's format; each is made once, when first asked for."""
    folder = tmp_path_factory.mktemp("models")
    expected_NC = logits_of(network, tokens)
    made: dict[str, Model] = {}

    def make(runtime: str) -> Model:
        layout = runtimes.get(runtime).TRAITS.layout
        graph = partial(encoder, columns=len(LABELS), by_token=False, layout=layout)
        if runtime == "pytorch":
            return Model(runtime, run_folder / "student-1", graph(""), expected_NC)
        if runtime == "fake":
            write_atomic(folder / SCRIPT, "{}")
            scripted_NC = np.eye(2, dtype=np.float32)[[tokens.row_ids(row)[1] % 2 for row in range(len(tokens))]]
            return Model(runtime, folder, graph(SCRIPT, source_lengths=BUCKETS), scripted_NC)
        file, lengths = EXPORTERS[runtime](network, folder)
        return Model(runtime, folder, graph(file, source_lengths=lengths), expected_NC)

    def give(runtime: str) -> Model:
        if runtime not in made:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # the exporters warn
                made[runtime] = make(runtime)
        return made[runtime]

    return give


Exported = tuple[str, tuple[int, ...]]


def export_onnx(network: BertForSequenceClassification, folder: Path) -> Exported:
    axes = {name: {0: "batch", 1: "length"} for name in ROLES}
    sample = tuple(torch.ones(2, 5, dtype=torch.int64) for _ in ROLES)
    torch.onnx.export(
        network,
        sample,
        folder / "model.onnx",
        dynamo=False,
        input_names=list(ROLES),
        output_names=["logits"],
        dynamic_axes=axes,
    )
    return "model.onnx", ()


def export_openvino(network: BertForSequenceClassification, folder: Path) -> Exported:
    import openvino

    if not (folder / "model.onnx").exists():
        export_onnx(network, folder)
    openvino.save_model(openvino.convert_model(folder / "model.onnx"), folder / "model.xml", compress_to_fp16=False)
    return "model.xml", ()


class Int32(torch.nn.Module):
    """The network with the four-dimensional mask and the 32-bit inputs that the converter takes."""

    def __init__(self, network: BertForSequenceClassification) -> None:
        super().__init__()
        self.network = network

    def forward(self, input_ids: torch.Tensor, mask: torch.Tensor, types: torch.Tensor) -> torch.Tensor:
        wide = (1.0 - mask[:, None, None, :].float()) * -1e4
        logits: torch.Tensor = self.network(
            input_ids=input_ids.long(), attention_mask=wide, token_type_ids=types.long()
        ).logits
        return logits


def export_tflite(network: BertForSequenceClassification, folder: Path) -> Exported:
    import litert_torch

    wrapped = Int32(network).eval()
    conversion: Any = litert_torch
    for length in BUCKETS:
        sample = tuple(torch.zeros(1, length, dtype=torch.int32) for _ in ROLES)
        conversion = conversion.signature(f"seq{length}", wrapped, sample)
    conversion.convert().export(str(folder / "model.tflite"))
    return "model.tflite", BUCKETS


def empty_onnx() -> bytes:
    """Return a file that only says what its inputs and outputs are, and has a weight of 8 bits."""
    import onnx

    inputs = [onnx.helper.make_tensor_value_info(name, onnx.TensorProto.INT64, ["batch", "length"]) for name in ROLES]
    output = onnx.helper.make_tensor_value_info("logits", onnx.TensorProto.FLOAT, ["batch", len(LABELS)])
    weight = onnx.numpy_helper.from_array(np.ones(1, np.int8), "weight")
    graph = onnx.helper.make_graph([], "empty", inputs, [output], [weight])
    made: bytes = onnx.helper.make_model(graph).SerializeToString()
    return made


EXPORTERS = {"onnx": export_onnx, "openvino": export_openvino, "tflite": export_tflite}


@pytest.fixture
def artifact_of(run_folder: Path, tmp_path: Path) -> Callable[..., Path]:
    """Write an artifact folder with a file that is given, or with a script of the fake runtime."""

    def write(
        script: str = "{}", precision: Precision = Precision.FP32, model: Path | None = None, **changes: Any
    ) -> Path:
        folder = tmp_path / "artifacts" / f"onnx-{precision}"
        folder.mkdir(parents=True)
        model_file = "model.onnx"
        (folder / model_file).write_bytes(model.read_bytes() if model else empty_onnx())
        if model is None:
            (folder / SCRIPT).write_text(script)
        student = run_folder / "student-1"
        (folder / "tokenizer.json").write_bytes((student / "tokenizer.json").read_bytes())
        write_tokens(folder / EVALUATION, make_tokens())
        values: dict[str, Any] = {
            "schema_version": SCHEMA,
            "key": "0" * 64,
            "files": inventory(folder),
            "parents": {"student": identity(student / STUDENT_MANIFEST)},
            "tool_versions": {},
            "name": "made-up",
            "task": classification.Settings(labels=LABELS),
            "variant": Variant(runtime=RuntimeName.ONNX, precision=precision),
            "target": "laptop-x86",
            "graphs": {"model": encoder(model_file, columns=len(LABELS), by_token=False)},
            "tokenizers": {"source": TokenizerSettings(file="tokenizer.json", pad_id=0, max_length_tokens=16)},
            "threads": 1,
            "quantization": (),
            "quality": QUALITY,
            "parity": Parity(sentences=1, agreement=1.0, max_abs_difference=0.0, mean_abs_difference=0.0),
        }
        write_manifest(folder / ARTIFACT_MANIFEST, Artifact(**{**values, **changes}))
        return folder

    return write


def of_script(model: folders.Model) -> folders.Model:
    """Return an artifact's model as the fake runtime loads it: by the script beside its model file."""
    graphs = {name: replace(graph, file=SCRIPT) for name, graph in model.graphs.items()}
    return replace(model, runtime="fake", graphs=graphs)

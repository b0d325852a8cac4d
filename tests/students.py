"""Small real student folders, as distillation writes them; one is converted for all tests."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from filelock import FileLock
from transformers import (
    BertForSequenceClassification,
    BertForTokenClassification,
    PreTrainedModel,
    PreTrainedTokenizerFast,
)

from contract import ragged
from contract.folder import inventory, write_manifest
from contract.ragged import Ragged
from contract.tokens import Tokens, from_rows, write_tokens
from convert.build import convert_student
from distill.slim import Convolution, from_bert
from infer.folders.student import CALIBRATION, SCHEMA, STUDENT_MANIFEST, Evaluation, Student, write_evaluation
from infer.outputs import of_logits
from infer.shipping.pack import pack
from infer.tasks import TaskSettings, classification, regression, token_classification
from targets.profile import Profile, read
from tests import tiny
from tests.in_process import in_process

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]")
WORDS = tuple(f"{front}{back}" for front in "bdfgklmnprst" for back in ("a", "e", "i", "o", "u", "ar", "en", "il"))
LABELS = classification.Settings(labels=("bad", "good"))
HEADS = {
    "classification": BertForSequenceClassification,
    "regression": BertForSequenceClassification,
    "token_classification": BertForTokenClassification,
}


def build(
    folder: Path,
    *,
    max_length_tokens: int = 24,
    evaluated: int = 80,
    calibrated: int = 24,
    layers: int = 2,
    activation: str = "gelu",
    task: TaskSettings = LABELS,
    change: Callable[[PreTrainedModel], PreTrainedModel] = lambda model: model,
) -> Path:
    """Make a finished student folder: random weights, sentences of 4 to max_length_tokens tokens.

    Args:
        folder: to make.
        max_length_tokens: of the longest sentence.
        evaluated, calibrated: sentences of each kind.
        layers: of the model.
        activation: function of its feed-forward layers.
        task: what it answers.
        change: makes another model of it.
    """
    torch.manual_seed(7)
    config = tiny.config(
        vocab_size=len(SPECIAL) + len(WORDS),
        hidden_size=64,
        num_hidden_layers=layers,
        intermediate_size=128,
        id2label=dict(enumerate(task.names or ["score"])),
        initializer_range=0.1,
        hidden_act=activation,
    )
    sentences = random_sentences(evaluated + calibrated, max_length_tokens)
    return write(
        folder,
        change(HEADS[task.kind](config)),
        tiny.tokenizer(SPECIAL + WORDS, like_bert=True),
        evaluation=sentences.take(range(evaluated)),
        calibration=sentences.take(range(evaluated, evaluated + calibrated)),
        max_length_tokens=max_length_tokens,
        task=task,
    )


def random_sentences(count: int, max_length_tokens: int) -> Tokens:
    """Return sentences that all differ, the first of them as long as they may be."""
    generator = np.random.default_rng(7)
    rows = []
    for index in range(count):
        words = max_length_tokens - 2 if index == 0 else int(generator.integers(2, max_length_tokens - 1))
        rows.append([2, *generator.integers(len(SPECIAL), len(SPECIAL) + len(WORDS), words).tolist(), 3])
    return from_rows(rows, [[0] * len(row) for row in rows])


def write(
    folder: Path,
    model: PreTrainedModel,
    tokens: PreTrainedTokenizerFast,
    *,
    evaluation: Tokens,
    calibration: Tokens,
    max_length_tokens: int,
    task: TaskSettings = LABELS,
) -> Path:
    """Write a finished student folder."""
    folder.mkdir(parents=True)
    model.eval().save_pretrained(folder)
    tokens.save_pretrained(folder)
    logits = _logits(model, evaluation)
    answers_T = logits.values.argmax(axis=1).astype(np.int64) if task.names else logits.values[:, 0]
    write_evaluation(
        folder,
        Evaluation(
            tokens=evaluation,
            labels=replace(logits, values=answers_T),
            teacher=of_logits(replace(logits, values=-logits.values)),
            student=of_logits(logits),
        ),
    )
    write_tokens(folder / CALIBRATION, calibration)
    seal_folder(folder, max_length_tokens=max_length_tokens, task=task)
    return folder


def seal_folder(folder: Path, *, max_length_tokens: int = 24, task: TaskSettings = LABELS) -> None:
    """Write a student folder's manifest for the files that lie in it now."""
    (folder / STUDENT_MANIFEST).unlink(missing_ok=True)
    write_manifest(
        folder / STUDENT_MANIFEST,
        Student(
            schema_version=SCHEMA,
            key="0" * 64,
            files=inventory(folder),
            parents={"teacher": "1" * 64},
            tool_versions={},
            name="made-up",
            task=task,
            max_length_tokens=max_length_tokens,
            parameters=1,
            seed=7,
            shape="2 layers, 64 wide",
            recipe={},
        ),
    )


def _logits(model: PreTrainedModel, tokens: Tokens) -> Ragged:
    rows = []
    with torch.inference_mode():
        for row in range(len(tokens)):
            batch = tokens.batch([row])
            output = model(
                input_ids=torch.from_numpy(batch.input_ids_BL),
                attention_mask=torch.from_numpy(batch.attention_mask_BL),
                token_type_ids=torch.from_numpy(batch.token_type_ids_BL),
            ).logits
            rows.append(np.atleast_2d(output[0].float().numpy()))
    return ragged.from_rows(rows, like=rows[0])


@pytest.fixture(name="in_process")
def _in_process() -> Iterator[None]:
    """Convert in the process of the test."""
    with in_process():
        yield


@pytest.fixture(scope="session")
def student(shared: Path) -> Path:
    """A student folder that no test changes."""
    with FileLock(shared / "student.lock"):
        folder = shared / "student"
        return folder if (folder / STUDENT_MANIFEST).exists() else build(folder)


@pytest.fixture(scope="session")
def scorer(shared: Path) -> Path:
    """A student folder of scores that no test changes."""
    with FileLock(shared / "scorer.lock"):
        folder = shared / "scorer"
        return folder if (folder / STUDENT_MANIFEST).exists() else build(folder, task=regression.Settings())


@pytest.fixture(scope="session")
def tagger(shared: Path) -> Path:
    """A student folder of a tag for each token that no test changes."""
    with FileLock(shared / "tagger.lock"):
        folder, task = shared / "tagger", token_classification.Settings(tags=("O", "B-PER", "I-PER"))
        return folder if (folder / STUDENT_MANIFEST).exists() else build(folder, task=task)


@pytest.fixture(scope="session")
def slim_student(shared: Path) -> Path:
    """A student folder of layers with convolution and with attention, pooled in between, that no test changes."""

    def change(model: PreTrainedModel) -> PreTrainedModel:
        changed = from_bert(model, convolution_layers=[0, 2], pooled_after=[0, 1], kernel=3)
        for module in changed.modules():
            if isinstance(module, Convolution):  # as if it had learned, so that neighbours count
                torch.nn.init.normal_(module.depthwise.weight, std=0.5)
        return changed

    with FileLock(shared / "slim-student.lock"):
        folder = shared / "slim-student"
        return folder if (folder / STUDENT_MANIFEST).exists() else build(folder, layers=4, change=change)


@pytest.fixture(scope="session")
def make_student() -> Callable[..., Path]:
    """Make another student folder."""
    return build


@pytest.fixture
def odd_student(tmp_path: Path) -> Path:
    """A student with an activation function that ONNX (opset 17) and TFLite have no operations for."""
    return build(tmp_path / "odd-student", layers=1, activation="xielu")


@pytest.fixture
def changeable(student: Path, tmp_path: Path) -> Path:
    """A copy of the student folder to spoil."""
    return Path(shutil.copytree(student, tmp_path / "student"))


@pytest.fixture(scope="session")
def seal() -> Callable[[Path], None]:
    """Write a student folder's manifest for the files that lie in it now."""
    return seal_folder


@pytest.fixture(scope="session")
def profile() -> Profile:
    return read("laptop-x86-vnni")


@pytest.fixture(scope="session")
def artifacts(shared: Path, student: Path, profile: Profile) -> Path:
    """All variants of the student, made once."""
    with FileLock(shared / "artifacts.lock"), in_process():
        return convert_student(student, profile, out=shared / "artifacts")[0].parent


@pytest.fixture(scope="session")
def slim_artifacts(shared: Path, slim_student: Path, profile: Profile) -> Path:
    """All variants of the slim student, made once."""
    with FileLock(shared / "slim-artifacts.lock"), in_process():
        return convert_student(slim_student, profile, out=shared / "slim-artifacts")[0].parent


@pytest.fixture(scope="session")
def packed(artifacts: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An artifact packed into one file, to be measured too."""
    return pack(artifacts / "onnx-int8", tmp_path_factory.mktemp("packed") / "model.zip", with_evaluation=True).path

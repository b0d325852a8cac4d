"""A student of each supported model type is converted to the same answers; rewrites that do not fit it are left out."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import (
    AutoConfig,
    AutoModelForSequenceClassification,
    MegatronBertConfig,
    MegatronBertForSequenceClassification,
    PreTrainedModel,
)

from contract.errors import InputError
from convert.build import convert_student
from convert.parity import FP32_LIMIT
from convert.rewrites import rewrite
from distill.model.layout import MODEL_TYPES
from infer.folders.artifact import read_artifact
from infer.folders.rewrite import Rewrite
from infer.folders.student import read_evaluation
from infer.load import load
from targets.profile import Profile

SHAPE = ("vocab_size", "hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size", "id2label")
SHARED = (*SHAPE, "max_position_embeddings", "initializer_range", "type_vocab_size")


def _of_type(model_type: str) -> Callable[[PreTrainedModel], PreTrainedModel]:
    """Return a function that makes a model of another type with the shape of a BERT."""

    def change(bert: PreTrainedModel) -> PreTrainedModel:
        values = {key: getattr(bert.config, key) for key in SHARED}
        special = {"pad_token_id": 0, "bos_token_id": 2, "eos_token_id": 3}
        config = AutoConfig.for_model(model_type, **values, **special)
        made: PreTrainedModel = AutoModelForSequenceClassification.from_config(config)
        return made

    return change


@pytest.mark.usefixtures("in_process")
@pytest.mark.parametrize(
    "runtime",
    ["onnx", pytest.param("openvino", marks=pytest.mark.slow), pytest.param("tflite", marks=pytest.mark.slow)],
)
@pytest.mark.parametrize("model_type", sorted(set(MODEL_TYPES) - {"slim_bert"}))  # test_slim has students of that type
def test_a_runtime_answers_as_the_student(
    make_student: Callable[..., Path], profile: Profile, tmp_path: Path, model_type: str, runtime: str
) -> None:
    student = make_student(tmp_path / "student", change=_of_type(model_type))
    (folder,) = convert_student(student, profile, out=tmp_path, runtimes=[runtime], precisions=["fp32"])
    assert read_artifact(folder).parity.max_abs_difference < FP32_LIMIT
    logits_NC = read_evaluation(student).student.logits.values
    assert abs(logits_NC[:, 1] - logits_NC[:, 0]).max() > 100 * FP32_LIMIT  # so that parity says something


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"model_type": "deberta-v2"}, "student: model type 'deberta-v2' is not supported: supported: bert, "),
        ({"is_decoder": True}, "student: is_decoder is true in its config.json, but a decoder's attention cannot be"),
    ],
)
def test_a_student_that_cannot_be_converted_is_refused(
    changeable: Path,
    seal: Callable[[Path], None],
    profile: Profile,
    tmp_path: Path,
    change: dict[str, Any],
    message: str,
) -> None:
    config = changeable / "config.json"
    config.write_text(json.dumps({**json.loads(config.read_text()), **change}))
    seal(changeable)
    with pytest.raises(InputError, match=message):
        convert_student(changeable, profile, out=tmp_path / "artifacts")
    assert not (tmp_path / "artifacts").exists()


def test_rewrites_that_do_not_fit_are_left_out() -> None:
    torch.manual_seed(0)
    config = MegatronBertConfig(
        vocab_size=32, hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32
    )
    student = MegatronBertForSequenceClassification(config).eval()
    assert rewrite(student, list(Rewrite)) == (student, ())


def test_a_student_that_lacks_weights_is_not_loaded(changeable: Path, seal: Callable[[Path], None]) -> None:
    weights = changeable / "model.safetensors"
    kept = {name: value for name, value in load_file(weights).items() if ".layer.1." not in name}
    save_file(kept, weights, metadata={"format": "pt"})
    seal(changeable)
    with pytest.raises(InputError) as error:
        load(changeable)
    assert str(error.value) == (
        f"{changeable}: cannot be loaded in PyTorch (weights missing from its files: 16 of 41, such as "
        "bert.encoder.layer.1.attention.output.LayerNorm.bias): distil it again"
    )

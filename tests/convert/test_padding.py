"""Padding with a token id other than 0, from the teacher to a measured artifact."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import (
    AutoModelForSequenceClassification,
    AutoTokenizer,
    BertConfig,
    BertModel,
    RobertaConfig,
    RobertaModel,
)

from bench.model_folder import read_model_folder
from convert.build import convert_student
from distill.distil import distil
from distill.prepare import prepare
from infer.folders.artifact import read_artifact
from infer.folders.student import read_evaluation
from infer.worker.client import outputs_of
from targets.profile import Profile
from tests import tiny

WORDS = ("the", "a", "film", "was", "very", "good", "bad")
LAST = (*WORDS, "[UNK]", "[CLS]", "[SEP]", "[MASK]", "[PAD]")
SECOND = ("[CLS]", "[PAD]", "[SEP]", "[UNK]", "[MASK]", *WORDS)
SHAPE: dict[str, Any] = {
    "vocab_size": len(LAST),
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 64,
    "hidden_dropout_prob": 0.0,
    "attention_probs_dropout_prob": 0.0,
}


@pytest.mark.slow  # three teachers, students and conversions
@pytest.mark.parametrize(
    ("model", "pieces", "changes"),
    [
        (BertModel(BertConfig(**SHAPE, pad_token_id=len(LAST) - 1)), LAST, ["student.vocabulary={}"]),
        (BertModel(BertConfig(**SHAPE, pad_token_id=0)), LAST, []),
        (RobertaModel(RobertaConfig(**SHAPE, max_position_embeddings=18, pad_token_id=1)), SECOND, []),
    ],
    ids=["last", "last, unknown to the model", "roberta"],
)
def test_the_padding_id_does_not_change_outputs(
    tmp_path: Path,
    recipe_file: Callable[..., Path],
    sentences_file: Callable[..., Path],
    profile: Profile,
    model: Any,
    pieces: tuple[str, ...],
    changes: list[str],
) -> None:
    torch.manual_seed(0)
    model.init_weights()
    model.save_pretrained(tmp_path / "encoder")
    tiny.tokenizer(pieces, mask_token="[MASK]").save_pretrained(tmp_path / "encoder")
    data = sentences_file()
    prepared = prepare(str(recipe_file(tmp_path / "encoder")), data, None, None, changes)
    teacher, student = distil(*prepared, tmp_path / "out")
    evaluation = read_evaluation(student)
    assert (evaluation.student.logits.values.argmax(axis=1) == evaluation.labels.values).all()
    (artifact,) = convert_student(student, profile, out=tmp_path / "artifacts", runtimes=["onnx"], precisions=["fp32"])
    for folder in (teacher, student, artifact):
        model = read_model_folder(folder).model
        logits_NC = outputs_of(model.padded_to((16,))).logits.values
        expected_NC = evaluation.teacher.logits.values if folder == teacher else evaluation.student.logits.values
        np.testing.assert_allclose(logits_NC, expected_NC, atol=1e-4)
    texts = [line.split("\t")[0] for line in (data / "dev.tsv").read_text().splitlines()[1:]]
    tokenizer = AutoTokenizer.from_pretrained(student)
    assert tokenizer.pad_token_id == read_model_folder(student).model.pad_id > 0
    assert read_artifact(artifact).tokenizer.pad_id == tokenizer.pad_token_id
    with torch.inference_mode():
        loaded = AutoModelForSequenceClassification.from_pretrained(student).eval()
        logits_NC = loaded(**tokenizer(texts, return_tensors="pt", padding=True)).logits.numpy()
    np.testing.assert_allclose(logits_NC, evaluation.student.logits.values, atol=1e-4)

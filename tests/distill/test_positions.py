"""Fewer positions: outputs for texts that still fit do not change, wherever positions are counted from."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import (
    AutoModelForSequenceClassification,
    BertConfig,
    DebertaV2Config,
    ElectraConfig,
    PreTrainedModel,
    RobertaConfig,
)

from contract.errors import InputError
from contract.tokens import from_rows
from distill.model.positions import cut, longest
from distill.model.predict import predict
from distill.slim import SlimBertConfig

SHAPE: dict[str, Any] = {
    "vocab_size": 20,
    "hidden_size": 8,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 8,
    "max_position_embeddings": 24,
    "initializer_range": 0.5,
}
CONFIGS = {
    "bert": BertConfig(**SHAPE),
    "electra": ElectraConfig(**SHAPE, embedding_size=4),
    "slim": SlimBertConfig(**SHAPE, convolution_layers=[0], pooled_after=[0]),
    "roberta": RobertaConfig(**SHAPE, pad_token_id=1, type_vocab_size=2),
}


def model_of(config: Any) -> PreTrainedModel:
    torch.manual_seed(0)
    model: PreTrainedModel = AutoModelForSequenceClassification.from_config(config)
    return model


@pytest.mark.parametrize("kind", CONFIGS)
@settings(max_examples=10)
@given(length=st.integers(3, 22), rows=st.lists(st.lists(st.integers(2, 19), min_size=2, max_size=22), min_size=1))
def test_texts_that_fit_are_answered_as_before(kind: str, length: int, rows: list[list[int]]) -> None:
    model = model_of(CONFIGS[kind])
    rows = [row[:length] for row in rows]
    tokens = from_rows(rows, [[0] * len(row) for row in rows])
    shorter = cut(model, length)
    assert (type(shorter), longest(shorter)) == (type(model), length)
    assert longest(model) == (22 if kind == "roberta" else 24)
    expected_NC = predict(model, tokens, "logits").logits.values
    np.testing.assert_allclose(predict(shorter, tokens, "logits").logits.values, expected_NC, atol=1e-6)


@pytest.mark.parametrize("kind", CONFIGS)
def test_a_cut_model_survives_being_saved(tmp_path: Path, kind: str) -> None:
    shorter = cut(model_of(CONFIGS[kind]), 7).eval()
    shorter.save_pretrained(tmp_path)
    again = AutoModelForSequenceClassification.from_pretrained(tmp_path).eval()
    ids_BL = torch.arange(4, 11)[None]
    with torch.inference_mode():
        torch.testing.assert_close(again(input_ids=ids_BL).logits, shorter(input_ids=ids_BL).logits)
    assert longest(again) == 7


def test_a_sketch_is_cut_too() -> None:
    with torch.device("meta"):
        shorter = cut(model_of(CONFIGS["bert"]), 5)
    assert shorter.get_parameter("bert.embeddings.position_embeddings.weight").shape == (5, 8)
    assert shorter.device.type == "meta"


def test_positions_in_more_than_a_table_are_refused() -> None:
    model = model_of(DebertaV2Config(**SHAPE, relative_attention=True, pos_att_type=["c2p"]))
    with pytest.raises(
        InputError,
        match="positions of a student of type deberta-v2 cannot be cut, it has more than a table of them: leave",
    ):
        cut(model, 5)

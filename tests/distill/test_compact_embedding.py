"""Training with only the used embedding rows: outputs do not change, and the trained rows are put back."""

from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from transformers import AutoModelForSequenceClassification, BertConfig, RobertaConfig

from contract.tokens import from_rows
from distill.model.predict import predict
from distill.training.compact_embedding import compact_embedding

sentences = st.lists(st.lists(st.integers(0, 14), min_size=1, max_size=8), min_size=1, max_size=6)


@pytest.mark.parametrize("kind", [BertConfig, RobertaConfig])
@pytest.mark.parametrize("pad_id", [0, 1, 5, 14, None])
@given(rows=sentences, seed=st.integers(0, 1_000))
@settings(max_examples=10)
def test_the_model_answers_as_before_and_only_used_rows_change(
    kind: type[BertConfig | RobertaConfig], pad_id: int | None, rows: list[list[int]], seed: int
) -> None:
    if kind is RobertaConfig and pad_id is None:
        return  # it cannot derive positions then
    torch.manual_seed(seed)
    config = kind(
        vocab_size=15,
        hidden_size=8,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=8,
        pad_token_id=pad_id,
        initializer_range=0.5,
    )
    model = AutoModelForSequenceClassification.from_config(config).eval()
    rows = [[token if token != pad_id else (token + 1) % 15 for token in row] for row in rows]
    tokens = from_rows(rows, [[0] * len(row) for row in rows])
    whole = model.get_input_embeddings()
    assert isinstance(whole, nn.Embedding)
    before, expected_NC = whole.weight.detach().clone(), predict(model, tokens, "whole").logits.values
    with compact_embedding(model, tokens) as (compact_tokens, ids_R):
        assert (ids_R[compact_tokens.ids_T] == tokens.ids_T).all()
        torch.testing.assert_close(
            torch.from_numpy(predict(model, compact_tokens, "compact").logits.values),
            torch.from_numpy(expected_NC),
            atol=1e-6,
            rtol=0,
        )
        part = model.get_input_embeddings()
        assert isinstance(part, nn.Embedding)
        assert part.padding_idx == whole.padding_idx  # no token's row is excluded from training
        with torch.no_grad():
            part.weight += 1
    assert model.get_input_embeddings() is whole
    changed = {int(row) for row in (whole.weight != before).any(dim=1).nonzero()}
    assert changed == {*range((pad_id or 0) + 1), *(token for row in rows for token in row)}


def test_a_failure_inside_leaves_the_model_whole(encoder_folder: Path) -> None:
    model = AutoModelForSequenceClassification.from_pretrained(encoder_folder)
    whole = model.get_input_embeddings()
    try:
        with compact_embedding(model, from_rows([[2, 5, 3]], [[0] * 3])):
            raise KeyboardInterrupt
    except KeyboardInterrupt:
        assert model.get_input_embeddings() is whole

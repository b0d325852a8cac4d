"""Factorised embeddings: as close to the original as their width allows, and plain Hugging Face."""

from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoModelForSequenceClassification, BertForSequenceClassification

from contract.errors import InputError
from contract.tokens import Tokens, from_rows
from distill.model.capture import EMBEDDING, capturing, state_name
from distill.model.predict import predict, tensors
from distill.student.factorise import factorise
from tests import tiny

WIDTH, PIECES = 24, 60


def sentences(seed: int = 0) -> Tokens:
    generator = np.random.default_rng(seed)
    rows = [generator.integers(1, PIECES, generator.integers(3, 12)).tolist() for _ in range(60)]
    return from_rows(rows, [[index * 2 // len(row) for index in range(len(row))] for row in rows])


def bert(rank: int = WIDTH, num_labels: int = 3) -> BertForSequenceClassification:
    """A classifier whose embeddings have this rank."""
    torch.manual_seed(0)
    config = tiny.config(
        vocab_size=PIECES,
        hidden_size=WIDTH,
        id2label={number: f"label {number}" for number in range(num_labels)},
        problem_type="regression" if num_labels == 1 else None,
        initializer_range=0.3,
    )
    model = BertForSequenceClassification(config)
    model.eval()
    directions = torch.randn(rank, WIDTH)
    embeddings = model.bert.embeddings
    with torch.no_grad():
        for table in (embeddings.word_embeddings, embeddings.position_embeddings, embeddings.token_type_embeddings):
            table.weight.copy_(torch.randn(len(table.weight), rank) @ directions)
        embeddings.LayerNorm.weight.uniform_(0.5, 1.5)
        embeddings.LayerNorm.bias.normal_()
    return model


def embedded(model: torch.nn.Module, tokens: Tokens, name: str = EMBEDDING) -> torch.Tensor:
    with torch.inference_mode(), capturing(model.eval(), [name]) as captured:  # type: ignore[arg-type]
        model(**tensors(tokens.batch(range(len(tokens)))))
    mask_BL1 = tokens.batch(range(len(tokens))).attention_mask_BL[:, :, None]
    return captured.states[name] * torch.from_numpy(mask_BL1)


def relative_error(model: torch.nn.Module, student: torch.nn.Module, tokens: Tokens) -> float:
    expected_BLD = embedded(model, tokens)
    return float((embedded(student, tokens) - expected_BLD).norm() / expected_BLD.norm())


def test_error_is_that_of_the_models_and_falls_with_the_width() -> None:
    model, tokens = bert(), sentences()
    errors = []
    for width in (2, 6, 12, 18, 23):
        factorised = factorise(model, width, tokens)
        error = relative_error(model, factorised.model, tokens)
        assert factorised.relative_error == pytest.approx(error, rel=1e-3)
        errors.append(error)
    assert errors == sorted(errors, reverse=True)
    assert errors[0] < 1
    assert errors[-1] < 0.2


def test_embedding_of_few_directions_loses_little() -> None:
    """Both normalisations divide by norms, which differ slightly, so the fit is not exact."""
    model = bert(rank=5)
    factorised = factorise(model, 7, sentences())
    assert factorised.relative_error < 0.15
    assert relative_error(model, factorised.model, sentences(seed=1)) < 0.15


def test_frequent_tokens_lose_least() -> None:
    model = bert()
    frequent = from_rows([[5, 6, 7, 8]] * 40 + [list(range(10, 20))], [[0] * 4] * 40 + [[0] * 10])
    student = factorise(model, 6, frequent).model
    few, others = frequent.take([0]), from_rows([list(range(20, 30))], [[0] * 10])
    assert relative_error(model, student, few) < 0.5 * relative_error(model, student, others)


def test_layers_are_the_same() -> None:
    model, tokens = bert(), sentences()
    student = factorise(model, 8, tokens).model
    hidden_BLD = torch.randn(2, 5, WIDTH)
    with torch.inference_mode():
        hidden_states_BLD = student.eval().electra.encoder(hidden_BLD).last_hidden_state
        assert torch.equal(hidden_states_BLD, model.bert.encoder(hidden_BLD).last_hidden_state)
    assert embedded(student, tokens).shape == embedded(student, tokens, state_name("hidden", 1)).shape


@pytest.mark.parametrize("num_labels", [1, 3])
def test_folder_is_loaded_without_this_project(tmp_path: Path, num_labels: int) -> None:
    model, tokens = bert(num_labels=num_labels), sentences()
    student = factorise(model, 8, tokens).model
    student.save_pretrained(tmp_path)
    again = AutoModelForSequenceClassification.from_pretrained(tmp_path)
    expected_NC = predict(student, tokens, "logits").logits.values
    assert np.array_equal(predict(again, tokens, "logits").logits.values, expected_NC)
    assert again.config.id2label == model.config.id2label
    assert again.config.problem_type == model.config.problem_type
    saved = PIECES * WIDTH - (PIECES * 8 + 8 * WIDTH)
    assert sum(map(torch.numel, model.parameters())) - sum(map(torch.numel, again.parameters())) > saved


@pytest.mark.parametrize("width", [1, WIDTH, 99])
def test_no_narrower_is_refused(width: int) -> None:
    with pytest.raises(
        InputError, match=f"an embedding of width {WIDTH} cannot be factorised to width {width}: choose 2 to 23"
    ):
        factorise(bert(), width, sentences())


def test_other_models_than_bert_are_refused() -> None:
    student = factorise(bert(), 8, sentences()).model
    with pytest.raises(InputError, match="a model of type 'electra' cannot be factorised"):
        factorise(student, 4, sentences())

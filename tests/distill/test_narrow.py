"""Narrower students: which parts are kept, and that keeping all of them loses nothing."""

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from transformers import BertForSequenceClassification, RobertaConfig, RobertaForSequenceClassification

from contract.errors import InputError
from contract.tokens import Tokens, from_rows
from distill.model.predict import predict
from distill.recipe.shape import Shape
from distill.student.importance import Importance, measure
from distill.student.narrow import narrow
from tests import tiny

LABELS_N = np.arange(24) % 3


def teacher_of(seed: int = 0, **changes: Any) -> BertForSequenceClassification:
    torch.manual_seed(seed)
    shape = {"vocab_size": 40, "hidden_size": 24, "num_hidden_layers": 3, "intermediate_size": 32, "num_labels": 3}
    model = BertForSequenceClassification(tiny.config(**{**shape, "initializer_range": 0.3, **changes}))
    model.eval()
    with torch.no_grad():  # biases and normalisations that are not 0 and 1, as a trained model's are
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return model


def layer_of(model: BertForSequenceClassification, layer: int) -> Any:
    return model.bert.encoder.layer[layer]


def sentences() -> Tokens:
    generator = np.random.default_rng(3)
    rows = [generator.integers(1, 40, generator.integers(2, 12)).tolist() for _ in range(24)]
    return from_rows(rows, [[0] * len(row) for row in rows])


def importance_of(teacher: BertForSequenceClassification, seed: int) -> Importance:
    """Random scores, with the shapes of measured ones."""
    config, generator = teacher.config, np.random.default_rng(seed)
    layers, heads, width = config.num_hidden_layers, config.num_attention_heads, config.hidden_size
    return Importance(
        heads=generator.random((layers, heads)),
        query_key=generator.random((layers, heads, width // heads)),
        value=generator.random((layers, heads, width // heads)),
        neurons=generator.random((layers, config.intermediate_size)),
        dimensions=generator.random(width),
        pooled=generator.random(width),
    )


def logits(model: torch.nn.Module) -> np.ndarray:
    assert isinstance(model, BertForSequenceClassification)
    return predict(model, sentences(), "logits").logits.values


@pytest.mark.parametrize("regression", [False, True])
def test_importance_is_the_first_order_change_of_the_loss(*, regression: bool) -> None:
    teacher = teacher_of(num_labels=1 if regression else 3)
    labels_N = np.linspace(0, 5, 24).astype(np.float32) if regression else LABELS_N
    tokens = sentences()
    importance = measure(teacher.requires_grad_(False), tokens, labels_N)
    again = measure(teacher, tokens, labels_N)
    for name in Importance.__slots__:
        assert np.array_equal(getattr(importance, name), getattr(again, name))
        assert (getattr(importance, name) > 0).any()
    # Multiplying the columns that read a head's output by (1 - epsilon) multiplies that output.
    epsilon, width, layer, head = 1e-3, 6, 1, 2
    before_N = losses(teacher, tokens, labels_N)
    columns = slice(head * width, (head + 1) * width)
    layer_of(teacher, layer).attention.output.dense.weight[:, columns] *= 1 - epsilon
    changes_N = np.abs(losses(teacher, tokens, labels_N) - before_N) / epsilon
    assert changes_N.sum() == pytest.approx(importance.heads[layer, head], rel=0.02)


def losses(teacher: BertForSequenceClassification, tokens: Tokens, labels_N: np.ndarray) -> np.ndarray:
    logits_NC = torch.from_numpy(predict(teacher.double(), tokens, "losses").logits.values).double()
    labels = torch.from_numpy(labels_N)
    loss: Tensor = (
        (logits_NC[:, 0] - labels) ** 2
        if labels.is_floating_point()
        else torch.nn.functional.cross_entropy(logits_NC, labels, reduction="none")
    )
    result: np.ndarray = loss.numpy()
    return result


def test_importance_of_a_dead_part_is_nothing() -> None:
    teacher = teacher_of()
    with torch.no_grad():
        layer_of(teacher, 1).attention.output.dense.weight[:, 6:12] = 0  # head 1 is not read
        layer_of(teacher, 2).output.dense.weight[:, 5] = 0
        teacher.classifier.weight[:, 7] = 0
    importance = measure(teacher, sentences(), LABELS_N, sentences=10)
    assert importance.heads[1].argmin() == 1
    assert importance.heads[1, 1] == importance.neurons[2, 5] == importance.pooled[7] == 0
    assert (importance.value[1, 1] == 0).all()
    assert (np.delete(importance.heads[1], 1) > 0).all()


@given(seed=st.integers(0, 100), layers=st.lists(st.integers(0, 2), min_size=1, max_size=3))
@settings(max_examples=10)
def test_a_student_of_the_teachers_width_is_a_copy_of_its_layers(seed: int, layers: list[int]) -> None:
    teacher = teacher_of(seed)
    shape = Shape(layers=len(layers), width=24, heads=4, feed_forward_width=32)
    student = narrow(teacher, shape, tuple(layers), importance_of(teacher, seed))
    teacher.bert.encoder.layer = torch.nn.ModuleList(teacher.bert.encoder.layer[layer] for layer in layers)
    teacher.config.num_hidden_layers = len(layers)
    assert np.array_equal(logits(student), logits(teacher))


@given(seed=st.integers(0, 100))
@settings(max_examples=10)
def test_without_neurons_that_nobody_reads_the_answers_stay(seed: int) -> None:
    teacher, importance = teacher_of(seed), importance_of(teacher_of(seed), seed)
    shape = Shape(layers=3, width=24, heads=4, feed_forward_width=20)
    with torch.no_grad():
        for layer, scores in enumerate(importance.neurons):
            layer_of(teacher, layer).output.dense.weight[:, np.argsort(scores)[:12]] = 0
    assert np.abs(logits(narrow(teacher, shape, (0, 1, 2), importance)) - logits(teacher)).max() < 1e-4


@pytest.mark.parametrize("heads", [1, 2, 3, 4])
def test_heads_of_another_width_keep_the_size_of_scores(heads: int) -> None:
    teacher = teacher_of()
    importance = importance_of(teacher, 1)
    shape = Shape(layers=1, width=12, heads=heads, feed_forward_width=16)
    student = narrow(teacher, shape, (2,), importance)
    old, new = layer_of(teacher, 2).attention.self, layer_of(student, 0).attention.self
    kept = [row for row in range(24) if any(torch.equal(old.key.bias[row], bias) for bias in new.key.bias)]
    assert len(kept) == 12
    with torch.no_grad():
        old_scores = old.query.bias[kept] * old.key.bias[kept] * old.scaling / (2 if heads == 1 else 1)  # two joined
        new_scores = new.query.bias * new.key.bias * new.scaling
    assert torch.allclose(old_scores, new_scores, rtol=1e-5)


@pytest.mark.parametrize(
    ("changes", "layers", "message"),
    [
        ({"width": 28}, (0, 1), "a student with width 28 cannot be narrowed from a teacher with 24: choose at most 24"),
        ({"heads": 6}, (0, 1), "heads 6 cannot be narrowed from a teacher with 4"),
        ({"feed_forward_width": 33}, (0, 1), "feed_forward_width 33 cannot"),
        ({"layers": 4}, (0, 1, 2, 2), "layers 4 cannot"),
        ({}, (0,), r"layers \[0\] are not 2 of the teacher's layers: its layers are 0 to 2"),
        ({}, (0, 3), r"layers \[0, 3\] are not 2"),
    ],
)
def test_larger_than_the_teacher_is_refused(changes: dict[str, int], layers: tuple[int, ...], message: str) -> None:
    teacher = teacher_of()
    shape = Shape(**{"layers": 2, "width": 12, "heads": 2, "feed_forward_width": 16, **changes})
    with pytest.raises(InputError, match=message):
        narrow(teacher, shape, layers, importance_of(teacher, 0))


def test_other_models_than_bert_are_refused() -> None:
    config = RobertaConfig(vocab_size=9, hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=8)
    with pytest.raises(InputError, match="a model of type 'roberta' cannot be narrowed"):
        measure(RobertaForSequenceClassification(config), sentences(), LABELS_N)

"""Slim students: they ignore padding, start as what they were made from, are loaded like any model, or refused."""

from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from transformers import (
    AutoModelForSequenceClassification,
    BertForSequenceClassification,
    PreTrainedModel,
    RobertaConfig,
    RobertaForSequenceClassification,
)

from contract.errors import InputError
from distill import tasks, teacher
from distill.model.capture import capturing, has_attention, state_name
from distill.slim import Convolution, SlimBertForSequenceClassification, from_bert, pool, pooled_times
from tests import tiny

LAYERS = 4
VOCABULARY = 30

shapes = st.tuples(
    st.sets(st.integers(0, LAYERS - 1), max_size=LAYERS - 1).map(sorted),
    st.sets(st.integers(0, LAYERS - 2), max_size=2).map(sorted),
    st.sampled_from([1, 3, 7]),
)


def bert(**changes: Any) -> BertForSequenceClassification:
    torch.manual_seed(0)
    shape = {"num_hidden_layers": LAYERS, "vocab_size": VOCABULARY, "initializer_range": 0.2}
    model = BertForSequenceClassification(tiny.config(**{**shape, **changes}))
    model.train(False)
    return model


def learned(convolution_layers: list[int], pooled_after: list[int], kernel: int) -> SlimBertForSequenceClassification:
    """A slim student whose convolutions differ from their start."""
    model = from_bert(bert(), convolution_layers, pooled_after, kernel)
    model.train(False)
    for module in model.modules():
        if isinstance(module, Convolution):
            torch.nn.init.normal_(module.depthwise.weight)
    return model


def evaluated(model: PreTrainedModel) -> PreTrainedModel:
    model.train(False)
    return model


def sentence(length: int, seed: int, padded_length: int) -> tuple[Tensor, Tensor]:
    """Token ids and their mask; the ids of padding are arbitrary."""
    generator = torch.Generator().manual_seed(seed)
    input_ids_BL = torch.randint(0, VOCABULARY, (1, padded_length), generator=generator)
    mask_BL = (torch.arange(padded_length) < length).long()[None]
    return input_ids_BL, mask_BL


def logits(model: PreTrainedModel, input_ids_BL: Tensor, mask: Tensor | None = None) -> Tensor:
    with torch.no_grad():
        logits_BC: Tensor = model(input_ids_BL, attention_mask=mask).logits
    return logits_BC


@given(shapes, st.integers(2, 15), st.integers(0, 6), st.integers(0, 6), st.sampled_from(["sdpa", "eager"]))
@settings(max_examples=40)
def test_padding_changes_nothing(
    where: tuple[list[int], list[int], int], length: int, more: int, most: int, attention: str
) -> None:
    model = learned(*where)
    model.set_attn_implementation(attention)
    longest = length + more + most
    input_ids_BL, mask_BL = sentence(length, length, longest)
    shorter = slice(length + more)
    # Converters give the mask as scores to add.
    scores_B11L = (1.0 - mask_BL[:, None, None, :]) * -1e4
    alone_BC = logits(model, input_ids_BL[:, :length])
    for padded_BC in (
        logits(model, input_ids_BL, mask_BL),
        logits(model, input_ids_BL[:, shorter], mask_BL[:, shorter]),
        logits(model, input_ids_BL, scores_B11L),
    ):
        torch.testing.assert_close(padded_BC, alone_BC, atol=1e-5, rtol=0)


def test_other_sentences_of_the_batch_change_nothing() -> None:
    model = learned([0, 2], [1], 3)
    (first_BL, _), (second_BL, mask_BL) = sentence(11, 1, 11), sentence(6, 2, 11)
    together_BC = logits(model, torch.cat((first_BL, second_BL)), torch.cat((torch.ones_like(mask_BL), mask_BL)))
    torch.testing.assert_close(together_BC[:1], logits(model, first_BL), atol=1e-5, rtol=0)
    torch.testing.assert_close(together_BC[1:], logits(model, second_BL[:, :6]), atol=1e-5, rtol=0)


@given(st.integers(1, 12), st.integers(0, 5), st.integers(0, 1000))
def test_pooling_keeps_cls_and_is_the_mean_of_each_pair_of_tokens(length: int, padding: int, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    hidden_BLD = torch.randn(2, length + padding, 3, generator=generator)
    mask_BL = (torch.arange(length + padding) < length).long().expand(2, -1)
    pooled_BPD, pooled_mask_BP = pool(hidden_BLD, mask_BL)
    expected = [hidden_BLD[:, 0], *(hidden_BLD[:, at : min(at + 2, length)].mean(dim=1) for at in range(1, length, 2))]
    tokens = len(expected)
    assert pooled_BPD.shape[1] == pooled_mask_BP.shape[1] == 1 + -(-(length + padding - 1) // 2)
    torch.testing.assert_close(pooled_BPD[:, :tokens], torch.stack(expected, dim=1))
    assert pooled_mask_BP[:, :tokens].all()
    assert not pooled_mask_BP[:, tokens:].any()
    assert not pooled_BPD[:, tokens:].any()


@pytest.mark.parametrize("pooled_after", [[], [0], [1, 2], [0, 1, 2]])
def test_a_teachers_states_pooled_as_often_have_the_lengths_of_the_students(pooled_after: list[int]) -> None:
    model = from_bert(bert(), [0], pooled_after, 3)
    input_ids_BL, mask_BL = sentence(12, 0, 13)
    names = [state_name("hidden", layer) for layer in range(LAYERS)]
    with capturing(model, names) as captured, torch.no_grad():
        model(input_ids_BL, attention_mask=mask_BL)
    for layer in range(LAYERS):
        teacher_BLD, teacher_mask_BL = torch.zeros(1, 13, 24), mask_BL
        for _ in range(pooled_times(model.config, layer)):
            teacher_BLD, teacher_mask_BL = pool(teacher_BLD, teacher_mask_BL)
        assert captured.state("hidden", layer).shape[:2] == teacher_BLD.shape[:2] == teacher_mask_BL.shape
    assert pooled_times(bert().config, LAYERS - 1) == 0


def test_only_layers_that_are_no_convolutions_have_attention() -> None:
    model = from_bert(bert(), [1, 2], [], 3)
    assert [has_attention(model, layer) for layer in range(LAYERS)] == [True, False, False, True]
    assert all(has_attention(bert(), layer) for layer in range(LAYERS))


@given(shapes, st.integers(0, 1000))
@settings(max_examples=20)
def test_a_new_convolution_is_attention_to_oneself(where: tuple[list[int], list[int], int], seed: int) -> None:
    """A sentence of one token can attend to nothing else and has nothing to pool."""
    model = bert()
    input_ids_BL, _ = sentence(1, seed, 1)
    slim_BC = logits(evaluated(from_bert(model, *where)), input_ids_BL)
    torch.testing.assert_close(slim_BC, logits(model, input_ids_BL), atol=1e-5, rtol=0)


def test_nothing_made_slim_is_the_same_model() -> None:
    model = bert()
    input_ids_BL, mask_BL = sentence(7, 0, 10)
    same_BC = logits(evaluated(from_bert(model, [], [], 7)), input_ids_BL, mask_BL)
    torch.testing.assert_close(same_BC, logits(model, input_ids_BL, mask_BL))


@pytest.mark.parametrize("kernel", [1, 3, 7])
def test_a_convolution_sees_its_neighbours_and_no_further(kernel: int) -> None:
    (convolution,) = (part for part in learned([0], [], kernel).modules() if isinstance(part, Convolution))
    hidden_BLD, changed_BLD = torch.zeros(1, 15, 32), torch.zeros(1, 15, 32)
    changed_BLD[:, 7] = 1
    with torch.no_grad():
        before_BLD, after_BLD = (convolution(states, torch.ones(1, 15))[0] for states in (hidden_BLD, changed_BLD))
    differ_L = (before_BLD != after_BLD).any(dim=-1)[0]
    assert differ_L.nonzero().flatten().tolist() == list(range(7 - kernel // 2, 7 + kernel // 2 + 1))


def test_a_saved_student_is_loaded_by_the_auto_classes_and_as_a_teacher(tmp_path: Path) -> None:
    model = learned([0, 2], [1], 5)
    model.save_pretrained(tmp_path)
    input_ids_BL, mask_BL = sentence(8, 0, 11)
    loaded = AutoModelForSequenceClassification.from_pretrained(tmp_path)
    assert isinstance(loaded, SlimBertForSequenceClassification)
    for again in (loaded, teacher.load(tmp_path, "classification", {"id2label": {0: "bad", 1: "good"}})):
        weights = model.state_dict()
        assert all(torch.equal(value, weights[name]) for name, value in again.state_dict().items())
        torch.testing.assert_close(logits(again.eval(), input_ids_BL, mask_BL), logits(model, input_ids_BL, mask_BL))
    config = loaded.config
    assert (config.convolution_layers, config.pooled_after, config.convolution_kernel) == ([0, 2], [1], 5)
    assert tasks.of_config(teacher.read_config(tmp_path)) is not None


def test_every_parameter_learns() -> None:
    model = from_bert(bert(), [0, 2], [0, 1], 3).train()
    input_ids_BL, mask_BL = sentence(9, 0, 12)
    model(input_ids_BL, attention_mask=mask_BL, labels=torch.tensor([1])).loss.backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        # Softmax ignores what all keys have in common.
        assert parameter.grad.any() or name.endswith("key.bias"), name


@pytest.mark.parametrize(
    ("convolution_layers", "pooled_after", "kernel", "message"),
    [
        ([4], [], 7, r"convolution_layers \[4\] names a layer that does not exist: name layers 0 to 3"),
        ([-1], [], 7, r"convolution_layers \[-1\] names a layer that does not exist"),
        ([1, 0], [], 7, r"convolution_layers \[1, 0\] is not in ascending order: name each layer once"),
        ([0, 1, 2, 3], [], 7, r"convolution_layers \[0, 1, 2, 3\] leaves no attention"),
        ([], [3], 7, r"pooled_after \[3\] names a layer that does not exist: name layers 0 to 2"),
        ([], [0, 0], 7, r"pooled_after \[0, 0\] is not in ascending order"),
        ([0], [], 4, r"convolution_kernel 4 is not odd and positive: choose an odd number"),
        ([0], [], -1, r"convolution_kernel -1 is not odd and positive"),
        ([], [0, 1, 2], 7, r"pooled_after \[0, 1, 2\] pools 3 times: 5 tokens can be pooled 2 times"),
    ],
)
def test_what_cannot_be_made_slim_is_refused(
    convolution_layers: list[int], pooled_after: list[int], kernel: int, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        from_bert(bert(max_position_embeddings=5), convolution_layers, pooled_after, kernel)


def test_a_student_of_one_layer_has_nothing_to_pool() -> None:
    with pytest.raises(InputError, match="leave it out for a student of one layer"):
        from_bert(bert(num_hidden_layers=1), [], [0], 7)


@pytest.mark.parametrize("kind", ["roberta", "slim_bert"])
def test_only_bert_is_made_slim(kind: str) -> None:
    config = RobertaConfig(vocab_size=9, hidden_size=8, num_hidden_layers=1, num_attention_heads=1, intermediate_size=8)
    model = RobertaForSequenceClassification(config) if kind == "roberta" else from_bert(bert(), [0], [], 3)
    with pytest.raises(InputError, match=f"a student of type {kind} cannot have convolution_layers"):
        from_bert(model, [0], [], 3)

"""Losses of any numbers: zero for equal inputs, independent of padding, larger for larger differences."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from distill import losses

shapes = st.tuples(st.integers(1, 3), st.integers(2, 6), st.sampled_from([4, 8]), st.integers(0, 10_000))


def mask_of(batch: int, length: int) -> Tensor:
    mask_BL = torch.ones(batch, length)
    mask_BL[:, length // 2 + 1 :] = 0
    return mask_BL


@given(shapes)
def test_hidden_states_are_equal_to_themselves_and_blind_to_padding(shape: tuple[int, int, int, int]) -> None:
    batch, length, width, seed = shape
    generator = torch.Generator().manual_seed(seed)
    one_BLD, other_BLD = (torch.randn(batch, length, width, generator=generator) for _ in range(2))
    mask_BL = mask_of(batch, length)
    assert losses.hidden_states(one_BLD, one_BLD, mask_BL) == 0
    before = losses.hidden_states(one_BLD, other_BLD, mask_BL)
    changed_BLD = one_BLD + 100 * (1 - mask_BL)[:, :, None]
    assert losses.hidden_states(changed_BLD, other_BLD, mask_BL) == pytest.approx(before.item())


@given(shapes)
def test_attention_scores_are_equal_to_themselves_and_blind_to_padding(shape: tuple[int, int, int, int]) -> None:
    batch, length, heads, seed = shape
    generator = torch.Generator().manual_seed(seed)
    one_BHLL, other_BHLL = (torch.randn(batch, heads, length, length, generator=generator) for _ in range(2))
    mask_BL = mask_of(batch, length)
    assert losses.attention_scores(one_BHLL, one_BHLL, mask_BL) == 0
    before = losses.attention_scores(one_BHLL, other_BHLL, mask_BL)
    padding_BLL = 1 - mask_BL[:, :, None] * mask_BL[:, None, :]
    changed_BHLL = one_BHLL + 100 * padding_BLL[:, None]
    assert losses.attention_scores(changed_BHLL, other_BHLL, mask_BL) == pytest.approx(before.item())


@given(shapes)
def test_relations_are_zero_for_equals_positive_otherwise_and_blind_to_padding(
    shape: tuple[int, int, int, int],
) -> None:
    batch, length, width, seed = shape
    generator = torch.Generator().manual_seed(seed)
    student_BLD = torch.randn(batch, length, width, generator=generator)
    teacher_BLD = torch.randn(batch, length, 2 * width, generator=generator)
    mask_BL = mask_of(batch, length)
    assert losses.relations(student_BLD, student_BLD, mask_BL, heads=2).item() == pytest.approx(0, abs=1e-6)
    before = losses.relations(student_BLD, teacher_BLD, mask_BL, heads=2)
    assert before > 0
    changed_BLD = student_BLD + 3 * (1 - mask_BL)[:, :, None]
    assert losses.relations(changed_BLD, teacher_BLD, mask_BL, heads=2).item() == pytest.approx(before.item(), rel=1e-4)


def test_hidden_states_by_hand() -> None:
    student_BLD = torch.tensor([[[1.0, 2.0], [9.0, 9.0]]])
    teacher_BLD = torch.tensor([[[0.0, 0.0], [0.0, 0.0]]])
    assert losses.hidden_states(student_BLD, teacher_BLD, torch.tensor([[1, 0]])).item() == 2.5


@pytest.mark.parametrize("temperature", [1.0, 2.0, 5.0])
def test_prediction_is_least_for_the_teachers_own_logits(temperature: float) -> None:
    teacher_BC = torch.tensor([[2.0, -1.0, 0.5]])
    least = losses.prediction(teacher_BC, teacher_BC, temperature)
    for change in (-0.5, 0.5):
        other_BC = teacher_BC + torch.tensor([[change, 0.0, 0.0]])
        assert losses.prediction(other_BC, teacher_BC, temperature) > least


def test_scores_of_are_those_of_eager_attention() -> None:
    generator = torch.Generator().manual_seed(0)
    query_BLD, key_BLD = (torch.randn(2, 5, 12, generator=generator) for _ in range(2))
    scores_BHLL = losses.scores_of(query_BLD, key_BLD, heads=3)
    assert scores_BHLL.shape == (2, 3, 5, 5)
    by_hand = (query_BLD[1, 2, 4:8] @ key_BLD[1, 3, 4:8]) / 2
    assert scores_BHLL[1, 1, 2, 3].item() == pytest.approx(by_hand.item(), rel=1e-5)

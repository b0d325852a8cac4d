"""Rounding to 8-bit grids: how far numbers move, which stay the same, and their gradients."""

from collections.abc import Callable

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from torch import Tensor

from distill.training import rounding

numbers = st.floats(-1e6, 1e6, width=32)
matrices = arrays("float32", array_shapes(min_dims=2, max_dims=2, max_side=6), elements=numbers).map(torch.from_numpy)


def per_tensor(values: Tensor) -> Tensor:
    return rounding.per_tensor(values, *values.aminmax())


@given(matrices)
def test_what_is_on_a_grid_of_rows_stays_there_and_is_half_a_step_off_at_most(weight_ED: Tensor) -> None:
    rounded_ED = rounding.per_row(weight_ED)
    steps_E1 = weight_ED.abs().amax(dim=1, keepdim=True) / 127
    assert ((rounded_ED - weight_ED).abs() <= 0.5001 * steps_E1 + 1e-37).all()
    torch.testing.assert_close(rounding.per_row(rounded_ED), rounded_ED, rtol=1e-6, atol=1e-37)
    integers_ED = rounded_ED / steps_E1.clamp(min=torch.finfo(torch.float32).tiny)
    torch.testing.assert_close(integers_ED, integers_ED.round(), rtol=0, atol=1e-3)


@pytest.mark.parametrize("rounded", [rounding.per_sentence, per_tensor])
@given(values=matrices)
def test_activations_are_half_a_step_off_at_most_and_zero_stays_zero(
    rounded: Callable[[Tensor], Tensor], values: Tensor
) -> None:
    steps = (values.amax().clamp(min=0) - values.amin().clamp(max=0)) / 255
    # The zero point is a whole number, so that the bounds may lie half a step outside.
    assert ((rounded(values) - values).abs() <= 1.001 * steps + 1e-37).all()
    assert not rounded(torch.cat((values, torch.zeros(1, values.shape[1]))))[-1].any()


@given(matrices, matrices)
def test_a_sentence_has_its_own_range_whatever_else_is_in_the_batch(first_BD: Tensor, second_BD: Tensor) -> None:
    width = min(first_BD.shape[1], second_BD.shape[1])
    first_BD, second_BD = first_BD[:, :width], second_BD[:, :width]
    together_BD = rounding.per_sentence(torch.cat((first_BD, second_BD)))
    assert torch.equal(together_BD[: len(first_BD)], rounding.per_sentence(first_BD))


@pytest.mark.parametrize("rounded", [rounding.per_row, rounding.per_sentence, per_tensor])
@pytest.mark.parametrize("value", [0.0, 1e-45, 1e-38])
def test_rows_of_nothing_stay_finite(rounded: Callable[[Tensor], Tensor], value: float) -> None:
    values = torch.full((2, 3), value)
    torch.testing.assert_close(rounded(values), values, rtol=0, atol=1e-37)


@pytest.mark.parametrize(
    ("rounded", "passes"),
    [
        (rounding.per_row, [[1, 1, 1], [1, 1, 1]]),
        (rounding.per_sentence, [[1, 1, 1], [1, 1, 1]]),
        (lambda values: rounding.per_tensor(values, torch.tensor(-1.0), torch.tensor(1.0)), [[0, 1, 1], [1, 0, 1]]),
    ],
    ids=["rows", "sentences", "observed"],
)
def test_gradients_pass_straight_through_inside_the_range(
    rounded: Callable[[Tensor], Tensor], passes: list[list[int]]
) -> None:
    values = torch.tensor([[-3.0, 0.2, 0.0], [0.5, 4.0, -0.3]], requires_grad=True)
    weights = torch.tensor([[2.0, 3.0, 5.0], [7.0, 11.0, 13.0]])
    (rounded(values) * weights).sum().backward()
    assert values.grad is not None
    assert torch.equal(values.grad, weights * torch.tensor(passes))

"""The cost of the transformer-layer losses, compared with a forward pass of their student."""

import pytest
import torch
from pytest_benchmark.fixture import BenchmarkFixture

from distill import losses

SHAPE = (32, 128, 384)
HEADS = 12


@pytest.fixture(scope="module")
def hidden_states() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    return torch.randn(SHAPE, generator=generator), torch.randn(SHAPE, generator=generator)


def test_hidden_states(benchmark: BenchmarkFixture, hidden_states: tuple[torch.Tensor, torch.Tensor]) -> None:
    benchmark(losses.hidden_states, *hidden_states, torch.ones(SHAPE[:2]))


def test_attention_scores(benchmark: BenchmarkFixture, hidden_states: tuple[torch.Tensor, torch.Tensor]) -> None:
    def compare() -> torch.Tensor:
        student_BHLL, teacher_BHLL = (losses.scores_of(states, states, HEADS) for states in hidden_states)
        return losses.attention_scores(student_BHLL, teacher_BHLL, torch.ones(SHAPE[:2]))

    benchmark(compare)

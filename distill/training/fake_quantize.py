"""Train with weights and activations rounded as int8 will round them, so that the student learns to tolerate it.

Jacob et al. (arXiv 1712.05877, section 3), and Q8BERT (Zafrir et al., arXiv 1910.06188, section 2) for encoders like
BERT: linear layers and embeddings are rounded; attention's own products, normalisation and activation functions are
not. torchao offers such training too, but its symmetric grid has steps of 1/127.5 of the largest weight, which no
quantiser of the three runtimes uses: their rounding would be added to it.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize
from transformers import PreTrainedModel

from distill.model.capture import has_attention, layers_of, submodule
from distill.recipe.stage import FakeQuantize
from distill.training import rounding

INPUT = "input_grid"
AVERAGED_BATCHES = 100


@contextmanager
def fake_quantized(model: PreTrainedModel, kind: FakeQuantize | None, *, reads_all: bool = False) -> Iterator[None]:
    """Round a model's weights and activations for the duration of the block.

    Weights have a scale per row, those of embeddings too. With `dynamic`, each sentence has its own range of
    activations, padding included, as in ONNX Runtime and LiteRT; the last layer, which a converted classifier computes
    for the first token only, has a range per token. With `static`, a range is a mean over sentences, of all tokens in
    the last layer too. That is close to what NNCF does for OpenVINO, which additionally moves large activations into
    weights (SmoothQuant, Xiao et al., arXiv 2211.10438) and corrects biases.

    Args:
        model: a BERT-like classifier; after the block its weights are the rounded ones, and nothing else is left of
            the rounding.
        kind: kind of quantisation to train for; None changes nothing.
        reads_all: the answer depends on all tokens instead of the first only.
    """
    if kind is None:
        yield
        return
    layers = [module for module in model.modules() if isinstance(module, nn.Linear)]
    tables = [module for module in model.modules() if isinstance(module, nn.Embedding)]
    of_one_token = _layers_of_one_token(model) if kind == "dynamic" and not reads_all else set()
    for module in (*tables, *layers):
        _round_weight(module)
    for layer in layers:
        dynamic = _Tokens() if layer in of_one_token else _Sentences()
        layer.register_module(INPUT, dynamic if kind == "dynamic" else _Observed().to(layer.weight.device))
    hooks = [layer.register_forward_pre_hook(_round_input) for layer in layers]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()
        for layer in layers:
            delattr(layer, INPUT)
        for module in (*tables, *layers):
            _make_rounding_permanent(module)


def _layers_of_one_token(model: PreTrainedModel) -> set[nn.Module]:
    """Return the linear layers that compute the first token only once the model is converted."""
    layers = layers_of(model)
    last_index, last = len(layers) - 1, layers[-1]
    if not has_attention(model, last_index) or last_index in getattr(model.config, "pooled_after", ()):
        return set()
    of_all_tokens = {submodule(last, "attention.self.key"), submodule(last, "attention.self.value")}
    return set(last.modules()) - of_all_tokens


def _round_weight(module: nn.Module) -> None:
    # `unsafe` skips a trial run on the weight, which costs time: its shape and type do not change.
    parametrize.register_parametrization(module, "weight", _Rows(), unsafe=True)


def _make_rounding_permanent(module: nn.Module) -> None:
    parametrize.remove_parametrizations(module, "weight", leave_parametrized=True)
    if isinstance(module, nn.Linear):
        # The weight now comes after the bias; restore the order, by which a checkpoint's optimiser state is matched.
        bias = module.bias
        del module.bias
        module.bias = bias


def _round_input(layer: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    values, *others = inputs
    return getattr(layer, INPUT)(values), *others


class _Rows(nn.Module):
    """A weight with a scale per row."""

    def forward(self, weight_ED: Tensor) -> Tensor:
        return rounding.per_row(weight_ED)


class _Sentences(nn.Module):
    """Activations with a range per sentence."""

    def forward(self, values: Tensor) -> Tensor:
        return rounding.per_sentence(values)


class _Tokens(nn.Module):
    """Activations with a range per token."""

    def forward(self, values_BLD: Tensor) -> Tensor:
        return rounding.per_sentence(values_BLD.flatten(0, 1)).view_as(values_BLD)


class _Observed(nn.Module):
    """Activations with a range that is the mean over sentences, weighted to the last batches if there are many.

    The range is stored with the weights, so that a resumed training continues with it.
    """

    low: Tensor
    high: Tensor
    batches: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("low", torch.zeros(()))
        self.register_buffer("high", torch.zeros(()))
        self.register_buffer("batches", torch.zeros(()))

    def forward(self, values: Tensor) -> Tensor:
        if self.training:
            self._observe(values)
        return rounding.per_tensor(values, self.low, self.high)

    def _observe(self, values: Tensor) -> None:
        low_B, high_B = rounding.sentence_ranges(values)
        self.batches.add_(1).clamp_(max=AVERAGED_BATCHES)
        self.low.lerp_(low_B.mean(), 1 / self.batches)
        self.high.lerp_(high_B.mean(), 1 / self.batches)

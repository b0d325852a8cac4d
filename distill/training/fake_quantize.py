"""Training with weights and activations as int8 will round them, so that the student learns to bear it.

Jacob et al. (arXiv 1712.05877, section 3), and Q8BERT (Zafrir et al., arXiv 1910.06188, section 2) for encoders like
BERT: linear layers and embeddings are rounded, attention's own products, normalisation and activation functions are
not. torchao brings such training too, but its symmetric grid has steps of 1/127.5 of the largest weight, which no
quantiser of the three runtimes uses: their rounding would come on top of it.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize
from transformers import PreTrainedModel

from distill.model.capture import has_attention, layers_of, part
from distill.recipe.stage import FakeQuantize
from distill.training import grid

INPUT = "input_grid"
REMEMBERED_BATCHES = 100
Range = tuple[float, float]


@contextmanager
def fake_quantized(
    model: PreTrainedModel, kind: FakeQuantize | None, rest: Range = (0.0, 0.0), *, reads_all: bool = False
) -> Iterator[None]:
    """Round a model's weights and activations while the block runs.

    Of `dynamic` each sentence has its own range of activations, padding among them, and each embedding one scale: what
    ONNX Runtime does; the last layer, of which a converted classifier computes the first token alone, has a range for
    each token. LiteRT is finer, its embeddings have a scale for each row. Of `static` a range is a mean over sentences,
    of all tokens in the last layer too, and an embedding has a scale for each row: nearly what NNCF does for OpenVINO,
    which before that moves large activations into weights (SmoothQuant, Xiao et al., arXiv 2211.10438) and corrects
    biases.

    Args:
        model: a BERT-like classifier; its weights are the rounded ones when the block ends, and no trace stays of how
            they were trained.
        kind: what is to quantise it; None changes nothing.
        rest: least and largest number of the word embedding's rows that are not in the model meanwhile.
        reads_all: the answer is made of all tokens, and not of the first alone.
    """
    if kind is None:
        yield
        return
    layers = [module for module in model.modules() if isinstance(module, nn.Linear)]
    tables = [module for module in model.modules() if isinstance(module, nn.Embedding)]
    for table in tables:
        _round(table, _Table(rest if table is model.get_input_embeddings() else (0.0, 0.0), kind))
    of_one_token = _of_one_token(model) if kind == "dynamic" and not reads_all else set()
    for layer in layers:
        _round(layer, _Rows())
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
            _keep_rounded(module)


def _of_one_token(model: PreTrainedModel) -> set[nn.Module]:
    """Return the linear layers that compute the first token alone once the model is converted."""
    layers = layers_of(model)
    place, last = len(layers) - 1, layers[-1]
    if not has_attention(model, place) or place in getattr(model.config, "pooled_after", ()):
        return set()
    of_all_tokens = {part(last, "attention.self.key"), part(last, "attention.self.value")}
    return set(last.modules()) - of_all_tokens


def _round(module: nn.Module, rounding: nn.Module) -> None:
    # Not tried out on the weight now: that costs time, and a weight stays as it is by shape and type.
    parametrize.register_parametrization(module, "weight", rounding, unsafe=True)


def _keep_rounded(module: nn.Module) -> None:
    parametrize.remove_parametrizations(module, "weight", leave_parametrized=True)
    if isinstance(module, nn.Linear):
        # The weight comes back behind the bias, and a checkpoint knows what an optimiser remembers by its place.
        bias = module.bias
        del module.bias
        module.bias = bias


def _round_input(layer: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    values, *others = inputs
    return getattr(layer, INPUT)(values), *others


class _Rows(nn.Module):
    """A weight with a scale for each row."""

    def forward(self, weight_ED: Tensor) -> Tensor:
        return grid.by_row(weight_ED)


class _Table(nn.Module):
    """An embedding with one scale, or with one for each row."""

    def __init__(self, rest: Range, kind: FakeQuantize) -> None:
        super().__init__()
        self.rest = rest
        self.kind = kind

    def forward(self, weight_RD: Tensor) -> Tensor:
        if self.kind == "static":
            return grid.by_row(weight_RD)
        low, high = weight_RD.detach().aminmax()
        least, largest = self.rest
        return grid.between(weight_RD, low.clamp(max=least), high.clamp(min=largest))


class _Sentences(nn.Module):
    """Activations with a range for each sentence."""

    def forward(self, values: Tensor) -> Tensor:
        return grid.by_sentence(values)


class _Tokens(nn.Module):
    """Activations with a range for each token."""

    def forward(self, values_BLD: Tensor) -> Tensor:
        return grid.by_sentence(values_BLD.flatten(0, 1)).view_as(values_BLD)


class _Observed(nn.Module):
    """Activations with a range that is the mean over sentences, of the last batches if there are many.

    The range is kept with the weights, so that a training that is resumed goes on with it.
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
        return grid.between(values, self.low, self.high)

    def _observe(self, values: Tensor) -> None:
        low_B, high_B = grid.ranges(values)
        self.batches.add_(1).clamp_(max=REMEMBERED_BATCHES)
        self.low.lerp_(low_B.mean(), 1 / self.batches)
        self.high.lerp_(high_B.mean(), 1 / self.batches)

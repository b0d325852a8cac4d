"""Hidden states of a BERT-like encoder, captured by hooks, so that its fast attention can stay on."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle
from transformers import PreTrainedModel

from contract.errors import InputError
from distill.slim import Convolution

EMBEDDING = "embedding"
POOLED = "pooled"
# The kinds of a layer's states, and the module whose output they are; an empty path is the layer itself.
STATE_MODULES = {
    "hidden": "",
    "query": "attention.self.query",
    "key": "attention.self.key",
    "value": "attention.self.value",
    "context": "attention.self",
    "neurons": "intermediate",
}


@dataclass(kw_only=True, slots=True)
class Captured:
    """States of one forward pass.

    Attributes:
        heads: number of attention heads of the model.
        states: tensors of shape (B, L, D) by name: `embedding`, the input of the first layer; `hidden.3`, the output of
            layer 3; `query.3`, `key.3`, `value.3`, its projections before they are split into heads; `context.3`, the
            joined outputs of its heads; `neurons.3`, the activations of its feed-forward layer, shape (B, L, F);
            `pooled`, the pooler's output, shape (B, D).
    """

    heads: int
    states: dict[str, Tensor] = field(default_factory=dict)

    def state(self, kind: str, layer: int) -> Tensor:
        """Return one state of a layer, shape (B, L, D)."""
        return self.states[state_name(kind, layer)]


def state_name(kind: str, layer: int) -> str:
    """Return the name of one state of a layer."""
    return f"{kind}.{layer}"


def embeddings_of(model: nn.Module) -> nn.Module:
    """Return the embedding layer of a BERT-like model.

    Raises:
        InputError: the model is not laid out like BERT.
    """
    return submodule(model, "base_model.embeddings")


def embedding_output_of(model: nn.Module) -> nn.Module:
    """Return the module whose output enters the first layer: the embedding layer, or the projection of a narrow one.

    Raises:
        InputError: the model is not laid out like BERT.
    """
    projection = getattr(model.base_model, "embeddings_project", None)
    return projection if isinstance(projection, nn.Module) else embeddings_of(model)


def layers_of(model: nn.Module) -> Sequence[nn.Module]:
    """Return the transformer layers of a BERT-like model, lowest first.

    Raises:
        InputError: the model is not laid out like BERT.
    """
    layers = submodule(model, "base_model.encoder.layer")
    assert isinstance(layers, nn.ModuleList)
    return list(layers)


def has_attention(model: nn.Module, layer: int) -> bool:
    """Return whether a layer, from 0, has queries, keys and values; a slim student's convolutions have not.

    Raises:
        InputError: the model is not laid out like BERT.
    """
    return not isinstance(submodule(layers_of(model)[layer], "attention.self"), Convolution)


def submodule(model: nn.Module, path: str) -> nn.Module:
    """Return the submodule at a dotted path.

    Raises:
        InputError: the model is not laid out like BERT.
    """
    module: object = model
    for name in path.split("."):
        module = getattr(module, name, None)
    if not isinstance(module, nn.Module):
        raise InputError(
            f"{type(model).__name__} has no {path}",
            "only encoders laid out like BERT can be distilled (BERT, RoBERTa, …)",
        )
    return module


@contextmanager
def capturing(model: PreTrainedModel, names: Iterable[str]) -> Iterator[Captured]:
    """Capture states of the forward passes inside the block.

    Args:
        model: a BERT-like model.
        names: names of the states, as in `Captured.states`.

    Raises:
        InputError: the model has no such layer or submodule.
    """
    captured = Captured(heads=model.config.num_attention_heads)
    handles = [_capture(_module(model, name), captured.states, name) for name in names]
    try:
        yield captured
    finally:
        for handle in handles:
            handle.remove()


def _module(model: PreTrainedModel, name: str) -> nn.Module:
    if name == EMBEDDING:
        return embedding_output_of(model)
    if name == POOLED:
        return submodule(model, "base_model.pooler")
    kind, _, layer = name.partition(".")
    module = layers_of(model)[int(layer)]
    return submodule(module, STATE_MODULES[kind]) if STATE_MODULES[kind] else module


def _capture(module: nn.Module, states: dict[str, Tensor], name: str) -> RemovableHandle:
    def hook(_module: nn.Module, _inputs: object, output: Tensor | tuple[Tensor, ...]) -> None:
        states[name] = output[0] if isinstance(output, tuple) else output

    return module.register_forward_hook(hook)

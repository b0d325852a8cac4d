"""What goes on inside a BERT-like encoder, caught by hooks, so that its fast attention can stay on."""

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
# What is caught of a layer, by the module whose output it is; an empty path is the layer itself.
KINDS = {
    "hidden": "",
    "query": "attention.self.query",
    "key": "attention.self.key",
    "value": "attention.self.value",
    "context": "attention.self",
    "neurons": "intermediate",
}


@dataclass(kw_only=True, slots=True)
class Captured:
    """One forward pass.

    Attributes:
        heads: attention heads of the model.
        states: tensors of shape (B, L, D) by name: `embedding`, what enters the first layer; `hidden.3`, the output of
            layer 3; `query.3`, `key.3`, `value.3`, its projections before they are split into heads; `context.3`, what
            its heads found, joined; `neurons.3`, the activations of its feed-forward layer, shape (B, L, F); `pooled`,
            what the pooler makes of the first token, shape (B, D).
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
    return part(model, "base_model.embeddings")


def embedding_output_of(model: nn.Module) -> nn.Module:
    """Return the module whose output enters the first layer: the embedding layer, or what projects a narrower one.

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
    layers = part(model, "base_model.encoder.layer")
    assert isinstance(layers, nn.ModuleList)
    return list(layers)


def has_attention(model: nn.Module, layer: int) -> bool:
    """Tell whether a layer, from 0, has queries, keys and values; a slim student's convolutions have none.

    Raises:
        InputError: the model is not laid out like BERT.
    """
    return not isinstance(part(layers_of(model)[layer], "attention.self"), Convolution)


def part(model: nn.Module, path: str) -> nn.Module:
    """Return a module by its dotted path.

    Raises:
        InputError: the model is not laid out like BERT.
    """
    found: object = model
    for name in path.split("."):
        found = getattr(found, name, None)
    if not isinstance(found, nn.Module):
        raise InputError(
            f"{type(model).__name__} has no {path}",
            "only encoders laid out like BERT can be distilled (BERT, RoBERTa, …)",
        )
    return found


@contextmanager
def capturing(model: PreTrainedModel, names: Iterable[str]) -> Iterator[Captured]:
    """Catch states of the forward passes inside the block.

    Args:
        model: a BERT-like model.
        names: of the states, as `Captured.states` has them.

    Raises:
        InputError: the model has no such layer or part.
    """
    captured = Captured(heads=model.config.num_attention_heads)
    handles = [_keep(_module(model, name), captured.states, name) for name in names]
    try:
        yield captured
    finally:
        for handle in handles:
            handle.remove()


def _module(model: PreTrainedModel, name: str) -> nn.Module:
    if name == EMBEDDING:
        return embedding_output_of(model)
    if name == POOLED:
        return part(model, "base_model.pooler")
    kind, _, layer = name.partition(".")
    module = layers_of(model)[int(layer)]
    return part(module, KINDS[kind]) if KINDS[kind] else module


def _keep(module: nn.Module, states: dict[str, Tensor], name: str) -> RemovableHandle:
    def keep(_module: nn.Module, _inputs: object, output: Tensor | tuple[Tensor, ...]) -> None:
        states[name] = output[0] if isinstance(output, tuple) else output

    return module.register_forward_hook(keep)

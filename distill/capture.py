"""What goes on inside a BERT-like encoder, caught by hooks, so that its fast attention can stay on."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle
from transformers import PreTrainedModel

from contract.errors import InputError
from distill.slim import Convolution


@dataclass(kw_only=True, slots=True)
class Captured:
    """One forward pass.

    Attributes:
        heads: attention heads of the model.
        embedding_BLD: output of the embedding layer.
        hidden_BLD: output of each layer asked for, by layer.
        query_BLD, key_BLD, value_BLD: of each layer asked for that has attention, before they are split into heads.
    """

    heads: int
    embedding_BLD: Tensor = field(default_factory=lambda: torch.empty(0))
    hidden_BLD: dict[int, Tensor] = field(default_factory=dict)
    query_BLD: dict[int, Tensor] = field(default_factory=dict)
    key_BLD: dict[int, Tensor] = field(default_factory=dict)
    value_BLD: dict[int, Tensor] = field(default_factory=dict)


def embeddings_of(model: nn.Module) -> nn.Module:
    """Return the embedding layer of a BERT-like model.

    Raises:
        InputError: the model is not laid out like BERT.
    """
    return _part(model, "base_model.embeddings")


def layers_of(model: nn.Module) -> Sequence[nn.Module]:
    """Return the transformer layers of a BERT-like model, lowest first.

    Raises:
        InputError: the model is not laid out like BERT.
    """
    layers = _part(model, "base_model.encoder.layer")
    assert isinstance(layers, nn.ModuleList)
    return list(layers)


def has_attention(model: nn.Module, layer: int) -> bool:
    """Tell whether a layer, from 0, has queries, keys and values; a slim student's convolutions have none.

    Raises:
        InputError: the model is not laid out like BERT.
    """
    return not isinstance(_part(layers_of(model)[layer], "attention.self"), Convolution)


@contextmanager
def capturing(model: PreTrainedModel, layers: Sequence[int]) -> Iterator[Captured]:
    """Catch the embedding, hidden states, queries and keys of the forward passes inside the block.

    Args:
        model: a BERT-like model.
        layers: which transformer layers, from 0.
    """
    captured = Captured(heads=model.config.num_attention_heads)

    def keep_embedding(_module: nn.Module, _inputs: object, output: Tensor) -> None:
        captured.embedding_BLD = output

    handles = [embeddings_of(model).register_forward_hook(keep_embedding)]
    for layer in layers:
        module = layers_of(model)[layer]
        handles.append(_keep(module, captured.hidden_BLD, layer))
        if has_attention(model, layer):
            handles.append(_keep(_part(module, "attention.self.query"), captured.query_BLD, layer))
            handles.append(_keep(_part(module, "attention.self.key"), captured.key_BLD, layer))
            handles.append(_keep(_part(module, "attention.self.value"), captured.value_BLD, layer))
    try:
        yield captured
    finally:
        for handle in handles:
            handle.remove()


def _keep(module: nn.Module, place: dict[int, Tensor], layer: int) -> RemovableHandle:
    def keep(_module: nn.Module, _inputs: object, output: Tensor | tuple[Tensor, ...]) -> None:
        place[layer] = output[0] if isinstance(output, tuple) else output

    return module.register_forward_hook(keep)


def _part(model: nn.Module, path: str) -> nn.Module:
    part: object = model
    for name in path.split("."):
        part = getattr(part, name, None)
    if not isinstance(part, nn.Module):
        raise InputError(
            f"{type(model).__name__} has no {path}",
            "only encoders laid out like BERT can be distilled (BERT, RoBERTa, …)",
        )
    return part

"""Make a slim student from a BERT: the same weights, with convolution and pooling in the layers that are named."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import nn
from transformers import BertConfig, BertForSequenceClassification, PreTrainedModel

from contract.errors import InputError
from distill.slim.model import SlimBertConfig, SlimBertForSequenceClassification


def from_bert(
    model: PreTrainedModel, convolution_layers: Sequence[int], pooled_after: Sequence[int], kernel: int
) -> SlimBertForSequenceClassification:
    """Return a slim student with the weights of a BERT.

    A convolution starts as an attention in which each token sees only itself: it passes each token on unchanged, and
    its product over channels is that of the attention's value and output layers. All other weights are copied.

    Args:
        model: a BERT classifier.
        convolution_layers: layers, from 0, whose attention is replaced.
        pooled_after: layers after which the sequence is pooled.
        kernel: number of neighbouring tokens that a convolution sees, the token itself included.

    Raises:
        InputError: the model is not a BERT, or `check` raises.
    """
    config = model.config
    if config.model_type != BertConfig.model_type or not isinstance(model, BertForSequenceClassification):
        raise InputError(
            f"a student of type {config.model_type} cannot have convolution_layers or pooled_after",
            "choose a BERT as teacher, or leave them out",
        )
    layers, positions = config.num_hidden_layers, config.max_position_embeddings
    check(convolution_layers, pooled_after, kernel, layers=layers, positions=positions)
    changes = {
        "convolution_layers": convolution_layers,
        "convolution_kernel": kernel,
        "pooled_after": pooled_after,
        "architectures": None,
    }
    shared = {name: value for name, value in config.to_dict().items() if name != "model_type"}
    student = SlimBertForSequenceClassification(SlimBertConfig(**{**shared, **changes}))
    old = model.state_dict()
    student.load_state_dict({name: old.get(name, value) for name, value in student.state_dict().items()})
    for layer in convolution_layers:
        _copy_self_attention(student.bert.encoder.layer[layer].attention, model.bert.encoder.layer[layer].attention)
    return student


def check(
    convolution_layers: Sequence[int], pooled_after: Sequence[int], kernel: int, *, layers: int, positions: int
) -> None:
    """Check the layers of a slim student and its kernel.

    Args:
        convolution_layers, pooled_after, kernel: as for `from_bert`.
        layers: number of layers of the student.
        positions: length of the longest sequence, in tokens.

    Raises:
        InputError: a layer is missing or named twice, no attention is left, the kernel is even, or nothing is left to
            pool.
    """
    _check_layers("convolution_layers", convolution_layers, layers)
    # After the last layer, pooling would have no effect.
    _check_layers("pooled_after", pooled_after, layers - 1)
    if len(convolution_layers) == layers:
        raise InputError(
            f"student.convolution_layers {list(convolution_layers)} leaves no attention: [CLS], which is classified, "
            f"would see only its next neighbours",
            "leave out at least one layer",
        )
    if kernel < 1 or kernel % 2 == 0:
        raise InputError(f"student.convolution_kernel {kernel} is not odd and positive", "choose an odd number")
    most = max(0, positions - 2).bit_length()  # halvings of all but [CLS], rounded up, until one is left
    if len(pooled_after) > most:
        raise InputError(
            f"student.pooled_after {list(pooled_after)} pools {len(pooled_after)} times",
            f"{positions} tokens can be pooled {most} times",
        )


def _check_layers(name: str, named: Sequence[int], count: int) -> None:
    if any(not 0 <= layer < count for layer in named):
        raise InputError(
            f"student.{name} {list(named)} names a layer that does not exist",
            f"name layers 0 to {count - 1}" if count else "leave it out for a student of one layer",
        )
    if any(first >= second for first, second in pairwise(named)):
        raise InputError(
            f"student.{name} {list(named)} is not in ascending order", "name each layer once, lowest first"
        )


def _copy_self_attention(convolution: Any, attention: Any) -> None:
    """Give a convolution the weights of an attention in which each token sees only itself."""
    value, dense = attention.self.value, attention.output.dense
    with torch.no_grad():
        nn.init.dirac_(convolution.self.depthwise.weight, groups=convolution.self.depthwise.groups)
        convolution.output.dense.weight.copy_(dense.weight @ value.weight)
        convolution.output.dense.bias.copy_(dense.weight @ value.bias + dense.bias)

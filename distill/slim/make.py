"""Makes a student slim: the same weights, with convolution and pooling where the recipe wants them."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import nn
from transformers import BertConfig, BertForSequenceClassification, PreTrainedModel

from contract.errors import InputError
from distill.slim.model import SlimBertConfig, SlimBertForSequenceClassification


def slim(
    model: PreTrainedModel, convolution_layers: Sequence[int], pooled_after: Sequence[int], kernel: int
) -> SlimBertForSequenceClassification:
    """Return the slim version of a student.

    A convolution starts where an attention would be that lets each token see itself alone: it passes a token on as it
    is, and the product over channels is that of the attention's value and output layers. All else is copied.

    Args:
        model: a BERT classifier.
        convolution_layers: layers, from 0, whose attention is replaced.
        pooled_after: layers after which the sequence is pooled.
        kernel: how many neighbours a convolution sees, itself among them.

    Raises:
        InputError: not BERT, or what `check` refuses.
    """
    config = model.config
    if config.model_type != BertConfig.model_type or not isinstance(model, BertForSequenceClassification):
        raise InputError(
            f"a student of kind {config.model_type} cannot have convolution_layers or pooled_after",
            "give a teacher that is BERT, or leave them out",
        )
    layers, positions = config.num_hidden_layers, config.max_position_embeddings
    check(convolution_layers, pooled_after, kernel, layers=layers, positions=positions)
    changes = {
        "convolution_layers": convolution_layers,
        "convolution_kernel": kernel,
        "pooled_after": pooled_after,
        "architectures": None,
    }
    same = {name: value for name, value in config.to_dict().items() if name != "model_type"}
    made = SlimBertForSequenceClassification(SlimBertConfig(**{**same, **changes}))
    own, theirs = made.state_dict(), model.state_dict()
    made.load_state_dict({name: theirs.get(name, value) for name, value in own.items()})
    for layer in convolution_layers:
        _see_itself(made.bert.encoder.layer[layer].attention, model.bert.encoder.layer[layer].attention)
    return made


def check(
    convolution_layers: Sequence[int], pooled_after: Sequence[int], kernel: int, *, layers: int, positions: int
) -> None:
    """Check where a student is to be slim.

    Args:
        convolution_layers, pooled_after, kernel: as for `slim`.
        layers: of the student.
        positions: the longest sequence, in tokens.

    Raises:
        InputError: a layer it lacks or named twice, no attention left, an even kernel, or nothing left to pool.
    """
    _check_layers("convolution_layers", convolution_layers, layers)
    # After the last layer nothing would see what was pooled.
    _check_layers("pooled_after", pooled_after, layers - 1)
    if len(convolution_layers) == layers:
        raise InputError(
            f"student.convolution_layers {list(convolution_layers)} leaves no attention: [CLS], which is classified, "
            f"would see its next neighbours alone",
            "leave one layer out",
        )
    if kernel < 1 or kernel % 2 == 0:
        raise InputError(f"student.convolution_kernel {kernel} has no middle", "choose an odd one")
    most = max(0, positions - 2).bit_length()  # halvings of all but [CLS], rounded up, until one place is left
    if len(pooled_after) > most:
        raise InputError(
            f"student.pooled_after {list(pooled_after)} pools {len(pooled_after)} times",
            f"{positions} tokens can be pooled {most} times",
        )


def _check_layers(name: str, named: Sequence[int], count: int) -> None:
    if any(not 0 <= layer < count for layer in named):
        raise InputError(
            f"student.{name} {list(named)} names a layer that is not there",
            f"name layers 0 to {count - 1}" if count else "a student of one layer has none to name",
        )
    if any(first >= second for first, second in pairwise(named)):
        raise InputError(f"student.{name} {list(named)} do not rise", "name each layer once, lowest first")


def _see_itself(own: Any, theirs: Any) -> None:
    """Start a convolution as an attention in which each token sees itself alone."""
    value, dense = theirs.self.value, theirs.output.dense
    with torch.no_grad():
        nn.init.dirac_(own.self.depthwise.weight, groups=own.self.depthwise.groups)
        own.output.dense.weight.copy_(dense.weight @ value.weight)
        own.output.dense.bias.copy_(dense.weight @ value.bias + dense.bias)

"""Estimate what a model costs from its shapes alone: parameters, operations and training memory."""

from dataclasses import dataclass
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode
from transformers import PreTrainedModel

from distill.model.capture import embedding_output_of, embeddings_of, layers_of
from distill.student.initialise import count_parameters as count_all

FLOAT_BYTES = 4
MOMENTS = 2  # AdamW keeps two moments per parameter


@dataclass(frozen=True, kw_only=True, slots=True)
class Parameters:
    """Number of parameters of a classifier: in the embedding, the transformer layers, and the pooler and classifier."""

    embedding: int
    encoder: int
    head: int

    @property
    def total(self) -> int:
        """The number of all parameters."""
        return self.embedding + self.encoder + self.head


@dataclass(frozen=True, kw_only=True, slots=True)
class Memory:
    """Peak memory of a training in bytes.

    Attributes:
        parameters: parameters of all models in memory, trained or not.
        gradients: gradients of the trained parameters.
        moments: AdamW's two moments of the trained parameters.
        activations: activations kept for the backward pass.
    """

    parameters: int
    gradients: int
    moments: int
    activations: int

    @property
    def total(self) -> int:
        """The sum of all parts."""
        return self.parameters + self.gradients + self.moments + self.activations


def count_by_part(model: PreTrainedModel) -> Parameters:
    """Count a classifier's parameters by part.

    Raises:
        InputError: the model does not have the layout of BERT.
    """
    modules = {embeddings_of(model), embedding_output_of(model)}
    embedding = sum(count_all(module) for module in modules)
    encoder = sum(count_all(layer) for layer in layers_of(model))
    return Parameters(embedding=embedding, encoder=encoder, head=count_all(model) - embedding - encoder)


def count_flops(model: PreTrainedModel, length_tokens: int) -> int:
    """Count the floating-point operations of one sentence; a multiplication and an addition count as two.

    PyTorch counts those of matrix products only; the rest is less than one percent.

    Args:
        model: model on the meta device, so that nothing is computed.
        length_tokens: length of the sentence.
    """
    # No mask: a single sentence has no padding, and transformers would read the mask, which meta tensors do not allow.
    ids_BL = torch.ones((1, length_tokens), dtype=torch.long, device="meta")
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model.eval()(input_ids=ids_BL, token_type_ids=torch.zeros_like(ids_BL))
    return int(counter.get_total_flops())


def estimate_memory(*, held: int, trained: int, activations: int) -> Memory:
    """Return the memory of a training in float32 with AdamW.

    Args:
        held: number of parameters in memory, trained or not.
        trained: number of parameters with a gradient.
        activations: bytes kept for the backward pass.
    """
    return Memory(
        parameters=FLOAT_BYTES * held,
        gradients=FLOAT_BYTES * trained,
        moments=FLOAT_BYTES * MOMENTS * trained,
        activations=activations,
    )


def rounded_weight_bytes(linear: int, embedded: int) -> int:
    """Return the bytes of weights that fake quantisation keeps for the backward pass.

    Args:
        linear: number of linear-layer weights; each is kept rounded, with a byte for whether it was within range.
        embedded: number of embedding weights; only that byte is kept.
    """
    return (FLOAT_BYTES + 1) * linear + embedded


def activation_bytes(
    config: Any,
    *,
    sentences: int,
    length_tokens: int,
    float_bytes: int,
    mask_bytes: int,
    fake_quantized: bool = False,
) -> int:
    """Return the bytes of activations that the layers of a BERT-like model keep per batch for the backward pass.

    Korthikanti et al. (arXiv 2205.05198), section 4.1, generalised to any float size and feed-forward width. Per token,
    a layer keeps 8 D numbers: the inputs of attention, of its output and of the feed-forward layer, query, key and
    value, and the inputs of both normalisations; 2 F numbers of the feed-forward layer, before and after its activation
    function; and 2 L numbers for each of the A heads, the scores before and after dropout. The dropout masks take
    2 D + A L. With 2-byte numbers, 1-byte masks and F = 4 D this is the paper's 34 D + 5 A L. Embeddings, head and
    losses are left out. Fake quantisation keeps separate inputs of query, key and value and a second input of the
    attention output, 3 D numbers, and a byte for each input of a linear layer.

    Args:
        config: the model's configuration: layers, width D, feed-forward width F and heads A.
        sentences: sentences per batch.
        length_tokens: length L of the longest sentence.
        float_bytes: bytes per number: 4, or 2 in bfloat16.
        mask_bytes: bytes per element of a dropout mask: 1 on a GPU; on a CPU, those of a masked number.
        fake_quantized: whether the inputs of linear layers are rounded.
    """
    width, heads = config.hidden_size, config.num_attention_heads
    floats = 8 * width + 2 * config.intermediate_size + 2 * heads * length_tokens
    mask_elements = 2 * width + heads * length_tokens
    token_bytes: int = float_bytes * floats + mask_bytes * mask_elements
    if fake_quantized:
        token_bytes += 3 * width * float_bytes + 5 * width + config.intermediate_size
    return sentences * length_tokens * int(config.num_hidden_layers) * token_bytes

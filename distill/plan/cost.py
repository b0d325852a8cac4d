"""What a model costs before it exists: parameters, operations and training memory, from shapes alone."""

from dataclasses import dataclass
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode
from transformers import PreTrainedModel

from distill.model.capture import embedding_output_of, embeddings_of, layers_of
from distill.student.initialise import count_parameters

FLOAT_BYTES = 4
MOMENTS = 2  # AdamW keeps two of each parameter


@dataclass(frozen=True, kw_only=True, slots=True)
class Parameters:
    """How many numbers a classifier has: in its embedding, its transformer layers, and its pooler and classifier."""

    embedding: int
    encoder: int
    head: int

    @property
    def total(self) -> int:
        """All of them."""
        return self.embedding + self.encoder + self.head


@dataclass(frozen=True, kw_only=True, slots=True)
class Memory:
    """Bytes that a training holds at its largest step.

    Attributes:
        parameters: of every model beside the training, trained or not.
        gradients: of what is trained.
        moments: AdamW's two of what is trained.
        activations: what is kept for the backward pass.
    """

    parameters: int
    gradients: int
    moments: int
    activations: int

    @property
    def total(self) -> int:
        """All of them."""
        return self.parameters + self.gradients + self.moments + self.activations


def count(model: PreTrainedModel) -> Parameters:
    """Count a classifier's parameters, embedding and encoder apart.

    Raises:
        InputError: it is not laid out like BERT.
    """
    modules = {embeddings_of(model), embedding_output_of(model)}
    embedding = sum(count_parameters(module) for module in modules)
    encoder = sum(count_parameters(layer) for layer in layers_of(model))
    return Parameters(embedding=embedding, encoder=encoder, head=count_parameters(model) - embedding - encoder)


def flops(model: PreTrainedModel, length_tokens: int) -> int:
    """Count the floating-point operations of one sentence, a multiplication and an addition being two.

    Those of the matrix products, as PyTorch counts them; the rest is below a hundredth.

    Args:
        model: on the meta device, so that nothing is computed.
        length_tokens: of the sentence.
    """
    # No mask: one sentence has no padding, and transformers would look into the mask, which meta tensors forbid.
    ids_BL = torch.ones((1, length_tokens), dtype=torch.long, device="meta")
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model.eval()(input_ids=ids_BL, token_type_ids=torch.zeros_like(ids_BL))
    return int(counter.get_total_flops())


def memory(*, held: int, trained: int, activations: int) -> Memory:
    """Return the memory of a training in float32 with AdamW.

    Args:
        held: parameters in memory, trained or not.
        trained: those of them that have a gradient.
        activations: bytes kept for the backward pass.
    """
    return Memory(
        parameters=FLOAT_BYTES * held,
        gradients=FLOAT_BYTES * trained,
        moments=FLOAT_BYTES * MOMENTS * trained,
        activations=activations,
    )


def rounded(linear: int, embedded: int) -> int:
    """Return the bytes that fake quantisation keeps of weights for the backward pass.

    Args:
        linear: weights of linear layers, kept rounded, each with a byte that tells whether it was on the grid.
        embedded: weights of embeddings, of which that byte alone is kept.
    """
    return (FLOAT_BYTES + 1) * linear + embedded


def activations(
    config: Any,
    *,
    sentences: int,
    length_tokens: int,
    float_bytes: int,
    mask_bytes: int,
    fake_quantized: bool = False,
) -> int:
    """Return the bytes that the layers of a BERT-like model keep of one batch for the backward pass.

    Korthikanti et al. (arXiv 2205.05198), section 4.1, for any width of a float and of the feed-forward layer. Of each
    token a layer keeps 8 D numbers: the inputs of attention, of its output and of the feed-forward layer, query, key
    and value, and the inputs of both normalisations; 2 F of the feed-forward layer, before and after its activation
    function; and 2 L for each of its A heads, its scores before and after dropout. The masks of dropout come to
    2 D + A L. With numbers of 2 bytes, masks of 1, and F = 4 D this is the paper's 34 D + 5 A L. Embeddings and head
    are left out, and so is what losses keep. Fake quantisation keeps the inputs of query, key and value each by itself
    and that of attention's output once more, 3 D numbers, and a byte for each number that enters a linear layer.

    Args:
        config: of the model: its layers, width D, feed-forward width F and heads A.
        sentences: of one batch.
        length_tokens: L, of its longest sentence.
        float_bytes: of a number kept: 4, or 2 in bfloat16.
        mask_bytes: of one place of a dropout mask: PyTorch has bytes on a GPU, on a CPU numbers like those it masks.
        fake_quantized: is what enters linear layers rounded.
    """
    width, heads = config.hidden_size, config.num_attention_heads
    floats = 8 * width + 2 * config.intermediate_size + 2 * heads * length_tokens
    masked = 2 * width + heads * length_tokens
    of_token: int = float_bytes * floats + mask_bytes * masked
    if fake_quantized:
        of_token += 3 * width * float_bytes + 5 * width + config.intermediate_size
    return sentences * length_tokens * int(config.num_hidden_layers) * of_token

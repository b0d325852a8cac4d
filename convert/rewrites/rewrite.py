"""Applies rewrites to a student, as far as its architecture allows, and checks that its logits stay the same.

Whether a rewrite makes a model faster can only be measured on the device (`tinybert tune`).
"""

import copy
from collections.abc import Sequence
from typing import Any

import torch
from torch import nn
from transformers import PreTrainedModel

from convert.attention_mask import MASKED_SCORE
from convert.rewrites.attention import Attention, is_supported
from convert.rewrites.first_token import FirstTokenLayer, is_replaceable
from distill.model.capture import has_attention, layers_of
from distill.model.positions import longest
from infer.folders.rewrite import Rewrite

# Largest difference of small logits; float32 rounds at 1e-7, and a layer adds up hundreds of values.
TOLERANCE = 1e-5
CHECKED_SENTENCES, CHECKED_TOKENS = 2, 16
ATTENTION_REWRITES = {Rewrite.FIRST_TOKEN, Rewrite.SCALED_QUERY, Rewrite.ONE_PRODUCT, Rewrite.FUSED_ATTENTION}


def rewrite(student: PreTrainedModel, rewrites: Sequence[Rewrite]) -> tuple[PreTrainedModel, tuple[Rewrite, ...]]:
    """Return a rewritten copy of the student, and the rewrites that were applied.

    Args:
        student: a BERT-like model in evaluation mode, which is not modified.
        rewrites: rewrites to apply to BERT layers; all are dropped if the logits would change.
    """
    if not ATTENTION_REWRITES & set(rewrites):
        return student, ()
    rewritten = copy.deepcopy(student)
    layers = layers_of(rewritten)
    with_attention = [index for index, layer in enumerate(layers) if _has_berts_attention(layer)]
    first_token = Rewrite.FIRST_TOKEN in rewrites and _only_head_reads_last(rewritten)
    applied = set()
    for index in with_attention:
        first_only = first_token and index == len(layers) - 1
        one_product = Rewrite.ONE_PRODUCT in rewrites and not first_only
        applied |= _replace_attention(layers[index], rewrites, one_product=one_product)
        if first_only and is_replaceable(layers[index]):
            _replace_last(rewritten, FirstTokenLayer(layers[index]))
            applied.add(Rewrite.FIRST_TOKEN)
    if not applied or not _same_logits(student, rewritten):
        return student, ()
    return rewritten, tuple(item for item in Rewrite if item in applied)


def _has_berts_attention(layer: Any) -> bool:
    return is_supported(getattr(layer.attention, "self", None))


def _only_head_reads_last(student: PreTrainedModel) -> bool:
    """Return whether only the head reads the last layer's output, and no pooling layer."""
    last = len(layers_of(student)) - 1
    return has_attention(student, last) and last not in getattr(student.config, "pooled_after", ())


def _replace_attention(layer: Any, rewrites: Sequence[Rewrite], *, one_product: bool) -> set[Rewrite]:
    """Replace a layer's self-attention and return the rewrites that this applied."""
    applied = {Rewrite.SCALED_QUERY, Rewrite.FUSED_ATTENTION} & set(rewrites)
    layer.attention.self = Attention(
        layer.attention.self,
        scaled_query=Rewrite.SCALED_QUERY in applied,
        one_product=one_product,
        fused=Rewrite.FUSED_ATTENTION in applied,
    )
    return applied | ({Rewrite.ONE_PRODUCT} if one_product else set())


def _replace_last(model: Any, layer: nn.Module) -> None:
    model.base_model.encoder.layer[-1] = layer


def _same_logits(student: PreTrainedModel, rewritten: nn.Module) -> bool:
    """Compare the logits of two models for random token ids, some of them masked."""
    generator = torch.Generator().manual_seed(0)
    length = min(CHECKED_TOKENS, longest(student))
    ids_BL = torch.randint(student.config.vocab_size, (CHECKED_SENTENCES, length), generator=generator)
    mask_BL = torch.ones_like(ids_BL)
    mask_BL[0, length // 2 :] = 0
    mask_B11L = (1.0 - mask_BL[:, None, None, :].float()) * MASKED_SCORE
    with torch.inference_mode():
        expected, actual = (model(input_ids=ids_BL, attention_mask=mask_B11L).logits for model in (student, rewritten))
    scale = max(1.0, float(expected.abs().max()))
    return expected.shape == actual.shape and bool((expected - actual).abs().max() < TOLERANCE * scale)

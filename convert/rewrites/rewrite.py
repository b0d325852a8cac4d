"""Applies rewrites to a student, as far as it is laid out for them, and proves that its logits stay.

Whether a rewrite is worth having is another question, which only the device answers (`tinybert tune`).
"""

import copy
from collections.abc import Sequence
from typing import Any

import torch
from torch import nn
from transformers import PreTrainedModel

from convert.mask import MASKED_SCORE
from convert.rewrites.attention import Attention
from convert.rewrites.first_token import FirstTokenLayer, replaces
from distill.model.capture import has_attention, layers_of
from distill.model.positions import longest
from infer.folders.rewrite import Rewrite

# Of logits that are small numbers; float32 rounds at 1e-7, and a layer adds up some hundred of such.
UNCHANGED = 1e-5
CHECKED_SENTENCES, CHECKED_TOKENS = 2, 16
OF_ATTENTION = {Rewrite.FIRST_TOKEN, Rewrite.SCALED_QUERY, Rewrite.ONE_PRODUCT, Rewrite.FUSED_ATTENTION}


def rewrite(student: PreTrainedModel, rewrites: Sequence[Rewrite]) -> tuple[PreTrainedModel, tuple[Rewrite, ...]]:
    """Return the student with rewrites, and those of them that were applied.

    Args:
        student: a BERT-like model in evaluation mode; it stays as it is.
        rewrites: what to do, as far as its layers are BERT's and its logits stay.
    """
    if not OF_ATTENTION & set(rewrites):
        return student, ()
    made = copy.deepcopy(student)
    layers = layers_of(made)
    with_attention = [place for place in range(len(layers)) if has_attention(made, place)]
    first_token = Rewrite.FIRST_TOKEN in rewrites and _last_is_whole(made)
    applied = set()
    for place in with_attention:
        cut = first_token and place == len(layers) - 1
        applied |= _replace(layers[place], rewrites, one_product=Rewrite.ONE_PRODUCT in rewrites and not cut)
        if cut and replaces(layers[place]):
            _replace_last(made, FirstTokenLayer(layers[place]))
            applied.add(Rewrite.FIRST_TOKEN)
    if not _same_logits(student, made):
        return student, ()
    return made, tuple(one for one in Rewrite if one in applied)


def _last_is_whole(student: PreTrainedModel) -> bool:
    """Tell whether nothing but the head reads the last layer; pooling after it would."""
    last = len(layers_of(student)) - 1
    return has_attention(student, last) and last not in getattr(student.config, "pooled_after", ())


def _replace(layer: Any, rewrites: Sequence[Rewrite], *, one_product: bool) -> set[Rewrite]:
    """Replace a layer's self-attention and return what that was for."""
    done = {Rewrite.SCALED_QUERY, Rewrite.FUSED_ATTENTION} & set(rewrites)
    layer.attention.self = Attention(
        layer.attention.self,
        scaled_query=Rewrite.SCALED_QUERY in done,
        one_product=one_product,
        fused=Rewrite.FUSED_ATTENTION in done,
    )
    return done | ({Rewrite.ONE_PRODUCT} if one_product else set())


def _replace_last(model: Any, layer: nn.Module) -> None:
    model.base_model.encoder.layer[-1] = layer


def _same_logits(student: PreTrainedModel, made: nn.Module) -> bool:
    """Compare two models on token ids drawn at random, some of them masked."""
    generator = torch.Generator().manual_seed(0)
    length = min(CHECKED_TOKENS, longest(student))
    ids_BL = torch.randint(student.config.vocab_size, (CHECKED_SENTENCES, length), generator=generator)
    mask_BL = torch.ones_like(ids_BL)
    mask_BL[0, length // 2 :] = 0
    mask_B11L = (1.0 - mask_BL[:, None, None, :].float()) * MASKED_SCORE
    with torch.inference_mode():
        expected, found = (model(input_ids=ids_BL, attention_mask=mask_B11L).logits for model in (student, made))
    scale = max(1.0, float(expected.abs().max()))
    return expected.shape == found.shape and bool((expected - found).abs().max() < UNCHANGED * scale)

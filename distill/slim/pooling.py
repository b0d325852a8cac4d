"""Pool a sequence by two, except [CLS].

Dai et al., Funnel-Transformer, arXiv 2006.03236, sections 2.2 and 2.3: the mean of windows of two with stride two,
except [CLS]; here between layers instead of inside an attention, so that every layer remains a layer of BERT.
"""

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional


def pool(hidden_BLD: Tensor, mask_BL: Tensor) -> tuple[Tensor, Tensor]:
    """Replace each pair of tokens after [CLS] by its mean, padding excluded.

    Args:
        hidden_BLD: hidden states, [CLS] first.
        mask_BL: 1 for tokens, 0 for padding.

    Returns:
        The hidden states and their mask, of length 1 + (L - 1) / 2, rounded up; pairs of padding give 0.
    """
    mask_BL1 = mask_BL[:, :, None]
    first_BPD, second_BPD = _pairs(hidden_BLD)
    first_BP1, second_BP1 = _pairs(mask_BL1)
    tokens_BP1 = first_BP1 + second_BP1
    mean_BPD = (first_BPD * first_BP1 + second_BPD * second_BP1) / tokens_BP1.clamp(min=1)
    any_BP1 = torch.maximum(first_BP1, second_BP1)
    return torch.cat((hidden_BLD[:, :1], mean_BPD), dim=1), torch.cat((mask_BL1[:, :1], any_BP1), dim=1)[:, :, 0]


def pooled_times(config: Any, layer: int) -> int:
    """Return how often the sequence is pooled before a layer's output; 0 in a model that is not slim.

    Args:
        config: configuration of the student.
        layer: number of the layer, from 0.
    """
    return sum(pooled < layer for pooled in getattr(config, "pooled_after", ()))


def _pairs(values_BLD: Tensor) -> tuple[Tensor, Tensor]:
    """Return the first and the second of each pair of tokens after [CLS]; zeros for a missing second."""
    # One token too many and strides, instead of padding to an even length: an exporter has no shapes to trace.
    rest_BLD = functional.pad(values_BLD[:, 1:], (0, 0, 0, 1))
    return rest_BLD[:, :-1:2], rest_BLD[:, 1::2]

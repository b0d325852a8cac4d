"""Round weights and activations to the 8-bit grids of the runtimes' quantisers; the numbers stay float32.

Rounded numbers pass gradients straight through, and numbers clipped to the grid pass none (Jacob et al., arXiv
1712.05877, section 3; PyTorch's operations do both). Scales are computed, not learned.
"""

import torch
from torch import Tensor

SIGNED = 127  # -127 to 127: all three quantisers leave -128 out
UNSIGNED = 255


def per_row(weight_ED: Tensor) -> Tensor:
    """Round each row of a matrix to signed integers times a scale, which the row's largest number sets.

    The weights of linear layers and embeddings are rounded this way for all three runtimes; a number on the grid is
    not changed again, so that their quantisers arrive at the same integers.

    Args:
        weight_ED: weight of a linear layer, a row per output, or of an embedding, a row per token.
    """
    scales_E = _scale(weight_ED.detach().abs().amax(dim=1) / SIGNED)
    zeros_E = torch.zeros_like(scales_E, dtype=torch.int32)
    return torch.fake_quantize_per_channel_affine(weight_ED, scales_E, zeros_E, 0, -SIGNED, SIGNED)


def per_sentence(values: Tensor) -> Tensor:
    """Round the activations of each sentence to unsigned integers between its minimum and its maximum.

    Args:
        values: activations of B sentences, shape (B, L, D) or (B, D).
    """
    scales_B, zeros_B = _asymmetric(*sentence_ranges(values))
    # The operation supports float32 only.
    rounded = torch.fake_quantize_per_channel_affine(values.float(), scales_B, zeros_B, 0, 0, UNSIGNED)
    return rounded.to(values.dtype)


def per_tensor(values: Tensor, low: Tensor, high: Tensor) -> Tensor:
    """Round to unsigned integers between two bounds, with one scale for all numbers; those outside are clipped.

    Args:
        values: numbers of any shape.
        low, high: bounds of shape (); they are widened to include 0.
    """
    scale, zero = _asymmetric(low, high)
    return torch.fake_quantize_per_tensor_affine(values.float(), scale, zero, 0, UNSIGNED).to(values.dtype)


def sentence_ranges(values: Tensor) -> tuple[Tensor, Tensor]:
    """Return the minimum and the maximum of each sentence, shape (B,)."""
    low_B, high_B = values.detach().float().flatten(1).aminmax(dim=1)
    return low_B, high_B


def _asymmetric(low: Tensor, high: Tensor) -> tuple[Tensor, Tensor]:
    """Return scale and zero point, as ONNX defines DynamicQuantizeLinear."""
    low, high = low.clamp(max=0), high.clamp(min=0)
    scale = _scale((high - low) / UNSIGNED)
    return scale, (-low / scale).round().clamp(0, UNSIGNED).to(torch.int32)


def _scale(scale: Tensor) -> Tensor:
    """Keep a scale above 0, so that numbers that are all zero can be divided by it."""
    return scale.clamp(min=torch.finfo(torch.float32).tiny)

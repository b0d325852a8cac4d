"""The 8-bit grids that the runtimes' quantisers put weights and activations on, in numbers that stay float32.

What is rounded passes gradients straight through, and what falls off the grid passes none (Jacob et al., arXiv
1712.05877, section 3; PyTorch's own operations do both). Scales are taken as they are, and not learned.
"""

import torch
from torch import Tensor

SIGNED = 127  # -127 to 127: all three quantisers leave -128 out
UNSIGNED = 255


def by_row(weight_ED: Tensor) -> Tensor:
    """Round each row of a matrix to signed integers times its own scale, which its largest number sets.

    ONNX Runtime, NNCF and ai-edge-quantizer round the weights of linear layers so, the latter two also embeddings; what
    is on the grid stays there, so that they find the same integers again.

    Args:
        weight_ED: a linear layer's weight, a row for each output, or an embedding, a row for each token.
    """
    scales_E = _scale(weight_ED.detach().abs().amax(dim=1) / SIGNED)
    zeros_E = torch.zeros_like(scales_E, dtype=torch.int32)
    return torch.fake_quantize_per_channel_affine(weight_ED, scales_E, zeros_E, 0, -SIGNED, SIGNED)


def by_sentence(values: Tensor) -> Tensor:
    """Round the activations of each sentence to unsigned integers between its least and its largest.

    Args:
        values: of shape (B, L, D) or (B, D), B sentences.
    """
    scales_B, zeros_B = _asymmetric(*ranges(values))
    # The operation knows float32 alone.
    rounded = torch.fake_quantize_per_channel_affine(values.float(), scales_B, zeros_B, 0, 0, UNSIGNED)
    return rounded.to(values.dtype)


def between(values: Tensor, low: Tensor, high: Tensor) -> Tensor:
    """Round to unsigned integers between two numbers, one scale for all; what is outside becomes the nearer of them.

    Args:
        values: of any shape.
        low, high: of shape (); 0 is always between.
    """
    scale, zero = _asymmetric(low, high)
    return torch.fake_quantize_per_tensor_affine(values.float(), scale, zero, 0, UNSIGNED).to(values.dtype)


def ranges(values: Tensor) -> tuple[Tensor, Tensor]:
    """Return the least and the largest number of each sentence, of shape (B,)."""
    low_B, high_B = values.detach().float().flatten(1).aminmax(dim=1)
    return low_B, high_B


def _asymmetric(low: Tensor, high: Tensor) -> tuple[Tensor, Tensor]:
    """Return scale and zero point, as ONNX defines DynamicQuantizeLinear."""
    low, high = low.clamp(max=0), high.clamp(min=0)
    scale = _scale((high - low) / UNSIGNED)
    return scale, (-low / scale).round().clamp(0, UNSIGNED).to(torch.int32)


def _scale(scale: Tensor) -> Tensor:
    """Return a scale by which can be divided where all is zero."""
    return scale.clamp(min=torch.finfo(torch.float32).tiny)

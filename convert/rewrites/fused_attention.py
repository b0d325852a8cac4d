"""Attention as one operation of ONNX Runtime's, `MultiHeadAttention` of its own domain.

Shapes: B sentences, L tokens, Q tokens that ask, D width, H heads, E width of a head.
"""

from typing import Any

import torch
from torch import Tensor

from convert.mask import MASKED_SCORE


def fused_attention(
    query_BQD: Tensor, key_BLD: Tensor, value_BLD: Tensor, mask_B11L: Tensor | None, *, heads: int, scaling: float
) -> Tensor:
    """Return what the heads found, shape (B, Q, D).

    Args:
        query_BQD: of the tokens that ask.
        key_BLD: of all tokens.
        value_BLD: of all tokens.
        mask_B11L: 0 for each token that may be asked, a large negative number for padding; none for no padding.
        heads: how many the width is divided into.
        scaling: of the scores.
    """
    seen_BL = None if mask_B11L is None else (mask_B11L[:, 0, 0] == 0).to(torch.int32)
    found_BQD: Tensor = _MultiHeadAttention.apply(query_BQD, key_BLD, value_BLD, seen_BL, heads, scaling)  # type: ignore[no-untyped-call]
    return found_BQD


class _MultiHeadAttention(torch.autograd.Function):
    """Computed by PyTorch, exported as one node."""

    @staticmethod
    def forward(
        context: Any,
        query_BQD: Tensor,
        key_BLD: Tensor,
        value_BLD: Tensor,
        seen_BL: Tensor | None,
        heads: int,
        scaling: float,
    ) -> Tensor:
        del context
        query_BHQE, key_BHLE, value_BHLE = (
            states.unflatten(-1, (heads, -1)).transpose(1, 2) for states in (query_BQD, key_BLD, value_BLD)
        )
        mask_B11L = None if seen_BL is None else (1.0 - seen_BL[:, None, None].float()) * MASKED_SCORE
        found_BHQE = torch.nn.functional.scaled_dot_product_attention(
            query_BHQE, key_BHLE, value_BHLE, attn_mask=mask_B11L, scale=scaling
        )
        return found_BHQE.transpose(1, 2).flatten(2)

    @staticmethod
    def symbolic(graph: Any, query: Any, key: Any, value: Any, seen: Any, heads: int, scaling: float) -> Any:
        no_bias = graph.op("prim::Constant")
        no_bias.setType(torch._C.OptionalType.ofTensor())
        found = graph.op(
            "com.microsoft::MultiHeadAttention",
            *(query, key, value, no_bias, *(() if seen is None else (seen,))),
            num_heads_i=heads,
            scale_f=scaling,
            mask_filter_value_f=MASKED_SCORE,
        )
        found.setType(query.type())
        return found

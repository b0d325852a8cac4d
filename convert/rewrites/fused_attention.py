"""Attention as one ONNX Runtime operation, `MultiHeadAttention` of the domain `com.microsoft`.

Shapes: B sentences, L tokens, Q query tokens, D width, H heads, E width of a head.
"""

from typing import Any

import torch
from torch import Tensor

from convert.attention_mask import MASKED_SCORE


def fused_attention(
    query_BQD: Tensor, key_BLD: Tensor, value_BLD: Tensor, mask_B11L: Tensor | None, *, heads: int, scaling: float
) -> Tensor:
    """Return the context of all heads, shape (B, Q, D).

    Args:
        query_BQD: queries of the query tokens.
        key_BLD: keys of all tokens.
        value_BLD: values of all tokens.
        mask_B11L: 0 for tokens and a large negative number for padding; None if there is no padding.
        heads: number of heads.
        scaling: factor of the scores.
    """
    unmasked_BL = None if mask_B11L is None else (mask_B11L[:, 0, 0] == 0).to(torch.int32)
    context_BQD: Tensor = _MultiHeadAttention.apply(query_BQD, key_BLD, value_BLD, unmasked_BL, heads, scaling)  # type: ignore[no-untyped-call]
    return context_BQD


class _MultiHeadAttention(torch.autograd.Function):
    """Attention that PyTorch computes and the exporter writes as one node."""

    @staticmethod
    def forward(
        context: Any,
        query_BQD: Tensor,
        key_BLD: Tensor,
        value_BLD: Tensor,
        unmasked_BL: Tensor | None,
        heads: int,
        scaling: float,
    ) -> Tensor:
        del context
        query_BHQE, key_BHLE, value_BHLE = (
            states.unflatten(-1, (heads, -1)).transpose(1, 2) for states in (query_BQD, key_BLD, value_BLD)
        )
        mask_B11L = None if unmasked_BL is None else (1.0 - unmasked_BL[:, None, None].float()) * MASKED_SCORE
        context_BHQE = torch.nn.functional.scaled_dot_product_attention(
            query_BHQE, key_BHLE, value_BHLE, attn_mask=mask_B11L, scale=scaling
        )
        return context_BHQE.transpose(1, 2).flatten(2)

    @staticmethod
    def symbolic(graph: Any, query: Any, key: Any, value: Any, unmasked: Any, heads: int, scaling: float) -> Any:
        no_bias = graph.op("prim::Constant")
        no_bias.setType(torch._C.OptionalType.ofTensor())
        node = graph.op(
            "com.microsoft::MultiHeadAttention",
            *(query, key, value, no_bias, *(() if unmasked is None else (unmasked,))),
            num_heads_i=heads,
            scale_f=scaling,
            mask_filter_value_f=MASKED_SCORE,
        )
        node.setType(query.type())
        return node

"""Self-attention in fewer operations: scaling in the query's weights, and optionally one product or a fused operation.

Shapes: B sentences, L tokens, Q query tokens, D width, H heads, E width of a head, 3D query, key and value
concatenated.
"""

from typing import Any

import torch
from torch import Tensor, nn

from convert.rewrites.fused_attention import fused_attention


class Attention(nn.Module):
    """A replacement for a layer's self-attention, with the same weights.

    Args:
        attention: BERT's self-attention.
        scaled_query: multiply 1/sqrt(d) into the query's weights instead of into each score.
        one_product: compute query, key and value in one matrix product; only if all tokens are query tokens.
        fused: compute the scores, their softmax and the product with the values in one ONNX Runtime operation.
    """

    def __init__(self, attention: Any, *, scaled_query: bool, one_product: bool, fused: bool) -> None:
        super().__init__()
        self.fused = fused
        self.heads, self.width = int(attention.num_attention_heads), int(attention.all_head_size)
        self.scaling = 1.0 if scaled_query else float(attention.scaling)
        factor = float(attention.scaling) if scaled_query else 1.0
        query, key, value = _scaled(attention.query, factor), attention.key, attention.value
        self.one_product = one_product
        if one_product:
            self.query_key_value = _joined(query, key, value)
        else:
            self.query, self.key, self.value = query, key, value

    def forward(
        self, hidden_states: Tensor, attention_mask: Tensor | None = None, *, queries: Tensor | None = None, **_: Any
    ) -> tuple[Tensor, None]:
        """Return the context of all heads, shape (B, Q, D), and no attention weights.

        Args:
            hidden_states: hidden states of all tokens, shape (B, L, D).
            attention_mask: addend to the scores, broadcastable to (B, H, Q, L); None if there is no padding.
            queries: hidden states of the query tokens, shape (B, Q, D); by default all tokens.
        """
        query_BQD, key_BLD, value_BLD = self._products(hidden_states, queries)
        if self.fused:
            return fused_attention(
                query_BQD, key_BLD, value_BLD, attention_mask, heads=self.heads, scaling=self.scaling
            ), None
        scores_BHQL = self._split(query_BQD) @ self._split(key_BLD).transpose(2, 3)
        if self.scaling != 1.0:
            scores_BHQL = scores_BHQL * self.scaling
        if attention_mask is not None:
            scores_BHQL = scores_BHQL + attention_mask
        context_BHQE = nn.functional.softmax(scores_BHQL, dim=-1) @ self._split(value_BLD)
        shape = (hidden_states if queries is None else queries).shape
        return context_BHQE.transpose(1, 2).reshape(shape[0], shape[1], self.width), None

    def _products(self, hidden_BLD: Tensor, queries_BQD: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
        if self.one_product:
            query_BLD, key_BLD, value_BLD = self.query_key_value(hidden_BLD).split(self.width, dim=-1)
            return query_BLD, key_BLD, value_BLD
        query_BQD = self.query(hidden_BLD if queries_BQD is None else queries_BQD)
        return query_BQD, self.key(hidden_BLD), self.value(hidden_BLD)

    def _split(self, states_BLD: Tensor) -> Tensor:
        """Split the states into heads, shape (B, H, L, E)."""
        # Only the first two sizes are read from the tensor, so the others are constants in an exported graph.
        sentences, tokens = states_BLD.shape[:2]
        return states_BLD.view(sentences, tokens, self.heads, self.width // self.heads).transpose(1, 2)


def is_supported(attention: Any) -> bool:
    """Return whether a layer's self-attention is BERT's: scaled products of a query, a key and a value."""
    parts = (getattr(attention, name, None) for name in ("query", "key", "value"))
    sizes = ("num_attention_heads", "all_head_size", "scaling")
    return all(isinstance(part, nn.Linear) for part in parts) and all(hasattr(attention, name) for name in sizes)


def _scaled(linear: nn.Linear, factor: float) -> nn.Linear:
    scaled = nn.Linear(linear.in_features, linear.out_features)
    scaled.weight.data = linear.weight.data * factor
    scaled.bias.data = _bias(linear) * factor
    return scaled


def _joined(*linears: nn.Linear) -> nn.Linear:
    joined = nn.Linear(linears[0].in_features, sum(linear.out_features for linear in linears))
    joined.weight.data = torch.cat([linear.weight.data for linear in linears])
    biases = [_bias(linear) for linear in linears]
    joined.bias.data = torch.cat(biases)
    return joined


def _bias(linear: nn.Linear) -> Tensor:
    bias: Tensor | None = linear.bias
    return torch.zeros(linear.out_features) if bias is None else bias.data

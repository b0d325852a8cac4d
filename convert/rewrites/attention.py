"""Self-attention in as few operations as BERT's needs: the factor in the query's weights, and perhaps one product.

Shapes: B sentences, L tokens, D width, H heads, E width of a head, 3D query, key and value side by side, Q the tokens
that ask.
"""

from typing import Any

import torch
from torch import Tensor, nn

from convert.rewrites.fused_attention import fused_attention


class Attention(nn.Module):
    """Stands where a layer's self-attention stands, with its weights.

    Args:
        attention: BERT's own.
        scaled_query: multiply 1/sqrt(d) into the query's weights instead of into each score.
        one_product: query, key and value from one matrix product; not where fewer tokens ask than are asked.
        fused: scores, softmax and their product with the values as one operation of ONNX Runtime's.
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
        self, hidden_states: Tensor, attention_mask: Tensor | None = None, *, asking: Tensor | None = None, **_: Any
    ) -> tuple[Tensor, None]:
        """Return what the heads found, shape (B, Q, D), and no attention.

        Args:
            hidden_states: of shape (B, L, D).
            attention_mask: to add to the scores, of a shape that fits (B, H, Q, L); none where nothing is padding.
            asking: the hidden states of the tokens that ask, shape (B, Q, D); all if not given.
        """
        query_BQD, key_BLD, value_BLD = self._products(hidden_states, asking)
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
        shape = (hidden_states if asking is None else asking).shape
        return context_BHQE.transpose(1, 2).reshape(shape[0], shape[1], self.width), None

    def _products(self, hidden_BLD: Tensor, asking_BQD: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
        if self.one_product:
            query_BLD, key_BLD, value_BLD = self.query_key_value(hidden_BLD).split(self.width, dim=-1)
            return query_BLD, key_BLD, value_BLD
        query_BQD = self.query(hidden_BLD if asking_BQD is None else asking_BQD)
        return query_BQD, self.key(hidden_BLD), self.value(hidden_BLD)

    def _split(self, states_BLD: Tensor) -> Tensor:
        """Return the states by head, shape (B, H, L, E)."""
        # Only the first two sizes are asked for: the others stay constants in an exported graph.
        sentences, tokens = states_BLD.shape[:2]
        return states_BLD.view(sentences, tokens, self.heads, self.width // self.heads).transpose(1, 2)


def _scaled(linear: nn.Linear, factor: float) -> nn.Linear:
    made = nn.Linear(linear.in_features, linear.out_features)
    made.weight.data = linear.weight.data * factor
    made.bias.data = _bias(linear) * factor
    return made


def _joined(*linears: nn.Linear) -> nn.Linear:
    made = nn.Linear(linears[0].in_features, sum(linear.out_features for linear in linears))
    made.weight.data = torch.cat([linear.weight.data for linear in linears])
    biases = [_bias(linear) for linear in linears]
    made.bias.data = torch.cat(biases)
    return made


def _bias(linear: nn.Linear) -> Tensor:
    bias: Tensor | None = linear.bias
    return torch.zeros(linear.out_features) if bias is None else bias.data

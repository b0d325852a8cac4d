"""The last layer for [CLS] only, if the answer depends on no other token.

Keys and values are computed for all tokens; the query, the attention's output, the feed-forward layer and both
normalisations for one. This saves a fifth of the computation for a student of four layers, and a quarter for three.
"""

from typing import Any

from torch import Tensor, nn

from convert.rewrites.attention import Attention


class FirstTokenLayer(nn.Module):
    """A layer of BERT that only returns the first token.

    Args:
        layer: BERT's layer, with its self-attention replaced by `Attention`.
    """

    def __init__(self, layer: Any) -> None:
        super().__init__()
        self.attention = FirstTokenAttention(layer.attention)
        self.intermediate = layer.intermediate
        self.output = layer.output

    def forward(self, hidden_states: Tensor, attention_mask: Tensor | None = None, *_: Any, **__: Any) -> Tensor:
        """Return the first token's hidden state, shape (B, 1, D), for states of shape (B, L, D)."""
        attended_B1D = self.attention(hidden_states, attention_mask)
        output_B1D: Tensor = self.output(self.intermediate(attended_B1D), attended_B1D)
        return output_B1D


class FirstTokenAttention(nn.Module):
    """Attention of the first token, with the dense layer and normalisation after it."""

    def __init__(self, attention: Any) -> None:
        super().__init__()
        self.self = attention.self
        self.output = attention.output

    def forward(self, hidden_BLD: Tensor, mask_B11L: Tensor | None) -> Tensor:
        """Return the first token's attended state, shape (B, 1, D)."""
        first_B1D = hidden_BLD[:, :1]
        context_B1D, _weights = self.self(hidden_BLD, mask_B11L, queries=first_B1D)
        attended_B1D: Tensor = self.output(context_B1D, first_B1D)
        return attended_B1D


def is_replaceable(layer: Any) -> bool:
    """Return whether a layer's output can be computed for the first token alone."""
    return isinstance(layer.attention.self, Attention) and not layer.attention.self.one_product

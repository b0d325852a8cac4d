"""A BERT classifier that mixes tokens by convolution in some layers, and may shorten the sequence between layers."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from transformers import AutoConfig, AutoModelForSequenceClassification, BertConfig, BertForSequenceClassification
from transformers.modeling_outputs import BaseModelOutputWithPastAndCrossAttentions
from transformers.models.bert.modeling_bert import BertLayer

from distill.losses import MASKED
from distill.slim.pooling import pool


class SlimBertConfig(BertConfig):
    """The configuration of BERT, with convolution and pooling.

    Args:
        convolution_layers: layers, from 0, that mix tokens by convolution in place of attention.
        convolution_kernel: number of neighbouring tokens that a convolution sees, the token itself included; odd.
        pooled_after: layers after which the sequence is pooled.
        kwargs: as for BertConfig.
    """

    model_type = "slim_bert"

    def __init__(
        self,
        *,
        convolution_layers: Sequence[int] = (),
        convolution_kernel: int = 7,
        pooled_after: Sequence[int] = (),
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.convolution_layers = list(convolution_layers)
        self.convolution_kernel = convolution_kernel
        self.pooled_after = list(pooled_after)


class Convolution(nn.Module):
    """Replaces the self-attention in a layer of BERT: each channel is mixed over neighbouring tokens.

    The other half of a depthwise-separable convolution, the product over channels, is the dense layer that BERT's
    attention output starts with (Wu et al., Pay Less Attention, arXiv 1901.10430, section 3.1, has the same two parts).
    """

    def __init__(self, config: SlimBertConfig) -> None:
        super().__init__()
        width, kernel = config.hidden_size, config.convolution_kernel
        # No bias: the dense layer that follows has one.
        self.depthwise = nn.Conv1d(width, width, kernel, padding=kernel // 2, groups=width, bias=False)

    def forward(self, hidden_states: Tensor, attention_mask: Tensor, **_attention: Any) -> tuple[Tensor, None]:
        """Return the mixed hidden states (B, L, D), and no attention.

        Args:
            hidden_states: hidden states, shape (B, L, D).
            attention_mask: 1 for tokens, 0 for padding, shape (B, L).
        """
        # Masked after the transposition: NNCF quantises the input of a depthwise convolution by channel, and would
        # mistake tokens for channels if the transposition came directly before the convolution.
        tokens_BDL = hidden_states.transpose(1, 2) * attention_mask[:, None, :]
        mixed_BDL: Tensor = self.depthwise(tokens_BDL)
        return mixed_BDL.transpose(1, 2), None


class SlimEncoder(nn.Module):
    """BERT's layers, some of them with convolution, and the pooling between them."""

    def __init__(self, config: SlimBertConfig) -> None:
        super().__init__()
        layers: list[Any] = [BertLayer(config, layer_idx=layer) for layer in range(config.num_hidden_layers)]
        for layer in config.convolution_layers:
            layers[layer].attention.self = Convolution(config)
        self.layer = nn.ModuleList(layers)
        self.convolution_layers = frozenset(config.convolution_layers)
        self.pooled_after = frozenset(config.pooled_after)

    def forward(
        self, hidden_states: Tensor, attention_mask: Tensor | None = None, **kwargs: Any
    ) -> BaseModelOutputWithPastAndCrossAttentions:
        """Run the layers.

        Args:
            hidden_states: hidden states, shape (B, L, D).
            attention_mask: mask for attention, shape (B, 1, 1 or L, L): scores to add, or true for tokens; None if
                there is no padding.
            kwargs: passed on to the layers.
        """
        mask_BL = _mask(hidden_states, attention_mask)
        for number, layer in enumerate(self.layer):
            mask = mask_BL if number in self.convolution_layers else attention_mask
            hidden_states = layer(hidden_states, mask, **kwargs)
            if number in self.pooled_after:
                hidden_states, mask_BL = pool(hidden_states, mask_BL)
                attention_mask = (1 - mask_BL)[:, None, None, :] * MASKED
        return BaseModelOutputWithPastAndCrossAttentions(last_hidden_state=hidden_states)


class SlimBertForSequenceClassification(BertForSequenceClassification):
    """A slim classifier; embeddings, feed-forward layers, pooler and head are BERT's, under the same names."""

    config_class = SlimBertConfig
    # Their masks do not have the shapes that the encoder reads.
    _supports_flash_attn = False
    _supports_flex_attn = False

    def __init__(self, config: SlimBertConfig) -> None:
        super().__init__(config)
        bert: Any = self.bert  # its encoder is typed as a BertEncoder
        bert.encoder = SlimEncoder(config)
        self.post_init()  # type: ignore[no-untyped-call]


def _mask(hidden_BLD: Tensor, attention_mask: Tensor | None) -> Tensor:
    """Return 1 for tokens and 0 for padding, shape (B, L)."""
    if attention_mask is None:
        return hidden_BLD.new_ones(hidden_BLD.shape[:2])
    first_BL = attention_mask[:, 0, 0]  # the same for all tokens
    if first_BL.dtype == torch.bool:
        return first_BL.to(hidden_BLD.dtype)
    # Scores are 0 for tokens and far below -1 for padding; a comparison would leave the runtimes' fast path.
    return (first_BL + 1).clamp(0, 1)


AutoConfig.register(SlimBertConfig.model_type, SlimBertConfig, exist_ok=True)
AutoModelForSequenceClassification.register(SlimBertConfig, SlimBertForSequenceClassification, exist_ok=True)

"""A masked language model that predicts the most probable whole words at masked tokens, in batches."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from transformers import AutoModelForMaskedLM, PreTrainedModel, PreTrainedTokenizerFast

from contract.errors import InputError
from distill.augment.words import is_chinese
from distill.data.tokenise import load_tokenizer
from distill.model.load import load as load_model

CURE = "set augmentation.masked_lm to a masked LM, or to '' and set augmentation.neighbours"
# RoBERTa numbers positions from 2.
RESERVED_POSITIONS = 2


@dataclass(frozen=True, kw_only=True, slots=True)
class MaskedLM:
    """A masked language model and the tokens it may predict.

    Attributes:
        model: model with a trained head, already on its device.
        tokenizer: the model's tokenizer.
        words_V: text of each token that is a whole word, and an empty string for all other tokens.
        chinese_V, other_V: 0 for whole words in Chinese and in other scripts, minus infinity for all other tokens.
    """

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerFast
    words_V: tuple[str, ...]
    chinese_V: Tensor
    other_V: Tensor

    @property
    def mask_id(self) -> int:
        """The id of the mask token."""
        mask_id = self.tokenizer.mask_token_id
        assert isinstance(mask_id, int)
        return mask_id

    @property
    def max_tokens(self) -> int:
        """Maximum length of a text."""
        return int(self.model.config.max_position_embeddings) - RESERVED_POSITIONS

    def predict_words(
        self,
        rows: Sequence[NDArray[np.int64]],
        positions: Sequence[Sequence[int]],
        *,
        chinese: Sequence[bool],
        count: int,
    ) -> NDArray[np.int64]:
        """Return the most probable whole words at the given positions of each row.

        Args:
            rows: B rows of token ids, special tokens included.
            positions: token positions in each row, M over all rows.
            chinese: for each position, whether to predict words in Chinese or in other scripts.
            count: number of words per position (K).

        Returns:
            Token ids of shape (M, K), the most probable first; padded with -1 if there are fewer whole words.
        """
        device = self.model.device
        ids_BL = nn.utils.rnn.pad_sequence(
            [torch.from_numpy(row) for row in rows], batch_first=True, padding_value=self.tokenizer.pad_token_id or 0
        )
        lengths_B1 = torch.tensor([[len(row)] for row in rows])
        mask_BL = (torch.arange(ids_BL.shape[1])[None] < lengths_B1).long()
        rows_M = torch.tensor([row for row, in_row in enumerate(positions) for _ in in_row], device=device)
        positions_M = torch.tensor([position for in_row in positions for position in in_row], device=device)
        logits_MV = _logits_at(self.model, ids_BL.to(device), mask_BL.to(device), rows_M, positions_M)
        chinese_M1 = torch.tensor(chinese, device=device)[:, None]
        allowed_MV = logits_MV + torch.where(chinese_M1, self.chinese_V, self.other_V)
        values_MK, best_MK = allowed_MV.topk(min(count, allowed_MV.shape[1]))
        token_ids_MK: NDArray[np.int64] = best_MK.masked_fill(values_MK.isinf(), -1).cpu().numpy()
        return token_ids_MK


def load(folder: Path) -> MaskedLM:
    """Load a masked language model, on the GPU if available.

    Raises:
        InputError: the model cannot be loaded or has no trained masked-LM head, or its tokenizer has no mask token.
    """
    # transformers would initialise a missing head at random, and its candidates would be noise.
    model: Any = load_model(
        AutoModelForMaskedLM,
        folder,
        name=str(folder),
        purpose="as a masked LM",
        cure=CURE,
        other_heads=True,
        dtype="float32",
    )
    tokenizer = load_tokenizer(folder)
    if tokenizer.mask_token_id is None:
        raise InputError(f"{folder}: the tokenizer has no mask token", CURE)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    words_V = whole_words(tokenizer, int(model.config.vocab_size))
    return MaskedLM(
        model=model.to(device).eval(),
        tokenizer=tokenizer,
        words_V=words_V,
        chinese_V=_allowed([bool(word) and is_chinese(word) for word in words_V]).to(device),
        other_V=_allowed([bool(word) and not is_chinese(word) for word in words_V]).to(device),
    )


def whole_words(tokenizer: PreTrainedTokenizerFast, size: int) -> tuple[str, ...]:
    """Return the text of each token that is a whole word, and an empty string for all other tokens.

    A token is a whole word if it consists of letters and if tokenising its text after a space gives the token again.
    This excludes continuations (`##ing`, or tokens without a leading space in a byte-level vocabulary).
    """
    special = set(tokenizer.all_special_ids)
    ordinary = [number for number in range(min(size, len(tokenizer))) if number not in special]
    texts = [str(tokenizer.decode([number])).strip() for number in ordinary]
    letters = [(number, text) for number, text in zip(ordinary, texts, strict=True) if text.isalpha()]
    words = [""] * size
    if not letters:
        return tuple(words)
    encoded = tokenizer([f" {text}" for _, text in letters], add_special_tokens=False)["input_ids"]
    for (number, text), ids in zip(letters, encoded, strict=True):
        if ids == [number]:
            words[number] = text
    return tuple(words)


def _allowed(is_allowed: Sequence[bool]) -> Tensor:
    return torch.where(torch.tensor(is_allowed), 0.0, -torch.inf)


def _logits_at(model: PreTrainedModel, ids_BL: Tensor, mask_BL: Tensor, rows_M: Tensor, positions_M: Tensor) -> Tensor:
    """Return the logits at some positions of some rows, shape (M, V).

    The head is as wide as the vocabulary and costs as much as all layers of a small model, so it only gets the hidden
    states at those positions.
    """

    def select_positions(_module: nn.Module, _inputs: Any, output: Any) -> Any:
        output.last_hidden_state = output.last_hidden_state[rows_M, positions_M][None]
        return output

    handle = model.base_model.register_forward_hook(select_positions)
    try:
        with torch.inference_mode():
            logits_1MV: Tensor = model(input_ids=ids_BL, attention_mask=mask_BL).logits
    finally:
        handle.remove()
    return logits_1MV[0].float()

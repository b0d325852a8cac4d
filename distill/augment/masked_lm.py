"""A masked language model: the most probable whole words at masked places, many texts at a time."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from torch import Tensor, nn
from transformers import AutoModelForMaskedLM, PreTrainedModel, PreTrainedTokenizerFast
from transformers.utils import logging

from contract.errors import InputError
from distill.augment.words import is_chinese
from distill.data.tokenise import load_tokenizer

CURE = "name a masked LM in augmentation.masked_lm, or set it to '' and give augmentation.neighbours"
# RoBERTa counts positions from 2.
RESERVED_POSITIONS = 2


@dataclass(frozen=True, kw_only=True, slots=True)
class MaskedLM:
    """A masked language model and what it may answer.

    Attributes:
        model: with a trained head, on the device it runs on.
        tokenizer: its own.
        words_V: the text of each token that is a whole word by itself, and nothing for all others.
        chinese_V, other_V: 0 for whole words in Chinese and in other scripts, minus infinity for all others.
    """

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerFast
    words_V: tuple[str, ...]
    chinese_V: Tensor
    other_V: Tensor

    @property
    def mask_id(self) -> int:
        """The token id that stands for a word to be found."""
        mask_id = self.tokenizer.mask_token_id
        assert isinstance(mask_id, int)
        return mask_id

    @property
    def most_tokens(self) -> int:
        """How long a text may be."""
        return int(self.model.config.max_position_embeddings) - RESERVED_POSITIONS

    def best(
        self, rows: Sequence[NDArray[np.int64]], places: Sequence[Sequence[int]], *, chinese: Sequence[bool], count: int
    ) -> NDArray[np.int64]:
        """Return the most probable whole words at the masked places of each row.

        Args:
            rows: B rows of token ids, special tokens included.
            places: which tokens of each row, M of all rows together.
            chinese: for each of them whether a word in Chinese is wanted there, or one in another script.
            count: how many words (K).

        Returns:
            Token ids of shape (M, K), the most probable first; -1 where there are no more whole words.
        """
        device = self.model.device
        ids_BL = nn.utils.rnn.pad_sequence(
            [torch.from_numpy(row) for row in rows], batch_first=True, padding_value=self.tokenizer.pad_token_id or 0
        )
        lengths_B1 = torch.tensor([[len(row)] for row in rows])
        mask_BL = (torch.arange(ids_BL.shape[1])[None] < lengths_B1).long()
        rows_M = torch.tensor([row for row, of_row in enumerate(places) for _ in of_row], device=device)
        places_M = torch.tensor([place for of_row in places for place in of_row], device=device)
        logits_MV = _logits_at(self.model, ids_BL.to(device), mask_BL.to(device), rows_M, places_M)
        chinese_M1 = torch.tensor(chinese, device=device)[:, None]
        allowed_MV = logits_MV + torch.where(chinese_M1, self.chinese_V, self.other_V)
        values_MK, best_MK = allowed_MV.topk(min(count, allowed_MV.shape[1]))
        found: NDArray[np.int64] = best_MK.masked_fill(values_MK.isinf(), -1).cpu().numpy()
        return found


def load(folder: Path) -> MaskedLM:
    """Load a masked language model, on the GPU if there is one.

    Raises:
        InputError: it cannot be loaded, has no trained masked-LM head, or its tokenizer knows no mask.
    """
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        model, report = AutoModelForMaskedLM.from_pretrained(
            folder, use_safetensors=True, trust_remote_code=False, dtype="float32", output_loading_info=True
        )
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        reason = str(error).strip().splitlines()[0]
        raise InputError(f"{folder}: cannot be loaded as a masked LM ({reason})", CURE) from error
    # A head that is missing would be made at random, and its candidates would be noise.
    if report["missing_keys"]:
        raise InputError(f"{folder}: has no masked-LM head (no {min(report['missing_keys'])})", CURE)
    tokenizer = load_tokenizer(folder)
    if tokenizer.mask_token_id is None:
        raise InputError(f"{folder}: its tokenizer has no mask token", CURE)
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
    """Return the text of each token that is a whole word, and nothing for special tokens and parts of words.

    A token is a whole word when it is of letters only and is what the tokenizer makes of its own text after a space;
    so continuations (`##ing`, or those without a leading space in a byte-level vocabulary) are none.
    """
    special = set(tokenizer.all_special_ids)
    known = [number for number in range(min(size, len(tokenizer))) if number not in special]
    texts = [str(tokenizer.decode([number])).strip() for number in known]
    letters = [(number, text) for number, text in zip(known, texts, strict=True) if text.isalpha()]
    words = [""] * size
    if not letters:
        return tuple(words)
    encoded = tokenizer([f" {text}" for _, text in letters], add_special_tokens=False)["input_ids"]
    for (number, text), ids in zip(letters, encoded, strict=True):
        if ids == [number]:
            words[number] = text
    return tuple(words)


def _allowed(which: Sequence[bool]) -> Tensor:
    return torch.where(torch.tensor(which), 0.0, -torch.inf)


def _logits_at(model: PreTrainedModel, ids_BL: Tensor, mask_BL: Tensor, rows_M: Tensor, places_M: Tensor) -> Tensor:
    """Return the logits at some places of some rows, shape (M, V).

    The head is as wide as the vocabulary and costs as much as all layers of a small model, so it is given the hidden
    states of those places alone.
    """

    def keep_places(_module: nn.Module, _inputs: Any, output: Any) -> Any:
        output.last_hidden_state = output.last_hidden_state[rows_M, places_M][None]
        return output

    handle = model.base_model.register_forward_hook(keep_places)
    try:
        with torch.inference_mode():
            logits_1MV: Tensor = model(input_ids=ids_BL, attention_mask=mask_BL).logits
    finally:
        handle.remove()
    return logits_1MV[0].float()

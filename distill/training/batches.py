"""Training sentences for the Trainer: their row numbers, their order, and the tensors of one batch."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset, Sampler
from transformers.trainer_pt_utils import get_length_grouped_indices

from contract.ragged import Ragged
from contract.tokens import Tokens
from distill.model.predict import tensors
from infer.outputs import UNLABELLED


class Sentences(Dataset[dict[str, Any]]):
    """Training sentences, as row numbers."""

    def __init__(self, tokens: Tokens) -> None:
        self.tokens = tokens

    def __len__(self) -> int:
        return len(self.tokens)

    def __getitem__(self, row: int) -> dict[str, Any]:
        return {"row": row}


class ByLength(Sampler[int]):
    """A new order of the sentences in each epoch, in which neighbours have similar lengths.

    It is drawn from the seed and the epoch alone, so that a training resumed within an epoch continues in the same
    order; the Trainer's own sampler draws from the state of the random generator, which differs after resuming.

    Args:
        lengths: tokens of each sentence.
        batch_size: sentences per step.
        seed: seed for the order.
    """

    def __init__(self, lengths: list[int], batch_size: int, seed: int) -> None:
        self.lengths = lengths
        self.batch_size = batch_size
        self.seed = seed
        self.epoch = 0

    def __len__(self) -> int:
        return len(self.lengths)

    def __iter__(self) -> Iterator[int]:
        generator = torch.Generator().manual_seed(self.seed * 1_000_003 + self.epoch)
        rows = get_length_grouped_indices(self.lengths, self.batch_size, generator=generator)
        return iter(rows)

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch whose order is drawn; called by the Trainer."""
        self.epoch = epoch


@dataclass(frozen=True, kw_only=True, slots=True)
class Collate:
    """Pads a batch to its longest sentence and adds the arrays of its rows and tokens.

    Attributes:
        tokens: all training sentences.
        row_arrays: arrays with one entry per sentence, a first axis of N, by the name the model takes.
        token_arrays: arrays of shape (T, ...) with one entry per token of all sentences, by name; padded to
            (B, L, ...), integers with UNLABELLED and other numbers with 0.
    """

    tokens: Tokens
    row_arrays: dict[str, NDArray[Any]]
    token_arrays: dict[str, NDArray[Any]] = field(default_factory=dict)

    def __call__(self, features: Sequence[dict[str, Any]]) -> dict[str, Tensor]:
        """Return the tensors of one batch."""
        rows = [feature["row"] for feature in features]
        batch = self.tokens.batch(rows)
        arrays = {name: torch.from_numpy(np.asarray(values[rows])) for name, values in self.row_arrays.items()}
        for name, values in self.token_arrays.items():
            filler = UNLABELLED if np.issubdtype(values.dtype, np.integer) else 0
            padded = np.full((*batch.input_ids_BL.shape, *values.shape[1:]), filler, dtype=values.dtype)
            padded[batch.attention_mask_BL.astype(bool)] = values[self.tokens.positions(rows)]
            arrays[name] = torch.from_numpy(padded)
        return {**tensors(batch), **arrays}


def collate(
    tokens: Tokens, row_arrays: Mapping[str, Ragged], token_arrays: Mapping[str, NDArray[Any]] | None = None
) -> Collate:
    """Return a function that pads batches and adds the arrays of their sentences and tokens.

    Args:
        tokens: all training sentences.
        row_arrays: one row per sentence, with a single entry or one per token, by the name the model takes; entries
            past a sentence's last token are dropped.
        token_arrays: arrays of shape (T, ...) with one entry per token of all sentences, by name.
    """
    single = {name: array.values for name, array in row_arrays.items() if array.is_single}
    by_token = {
        name: np.concatenate([row[:length] for row, length in zip(array, tokens.lengths, strict=True)])
        for name, array in row_arrays.items()
        if not array.is_single
    }
    return Collate(tokens=tokens, row_arrays=single, token_arrays={**by_token, **(token_arrays or {})})

"""Training sentences as the Trainer takes them: rows, their order, and the tensors of one batch."""

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
    """An order of the sentences, new in each epoch, in which neighbours are of like length.

    Drawn from the seed and the epoch alone, so that a training resumed in the middle of an epoch goes on in the same
    order; the Trainer's own sampler draws from the state of the generator, which is another one then.

    Args:
        lengths: tokens of each sentence.
        batch_size: sentences a step.
        seed: of the order.
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
        """Choose the epoch whose order is drawn; the Trainer calls it."""
        self.epoch = epoch


@dataclass(frozen=True, kw_only=True, slots=True)
class Collate:
    """Pad a batch to its longest sentence and add what is known of each row.

    Attributes:
        tokens: all training sentences.
        beside: arrays with a first axis of N, by the name the model takes.
        ragged: arrays of shape (T, ...) with an entry for each token of all sentences, by name; padded to (B, L, ...),
            whole numbers with UNLABELLED and others with 0.
    """

    tokens: Tokens
    beside: dict[str, NDArray[Any]]
    ragged: dict[str, NDArray[Any]] = field(default_factory=dict)

    def __call__(self, features: Sequence[dict[str, Any]]) -> dict[str, Tensor]:
        """Return the tensors of one batch."""
        rows = [feature["row"] for feature in features]
        batch = self.tokens.batch(rows)
        found = {name: torch.from_numpy(np.asarray(values[rows])) for name, values in self.beside.items()}
        for name, values in self.ragged.items():
            filler = UNLABELLED if np.issubdtype(values.dtype, np.integer) else 0
            padded = np.full((*batch.input_ids_BL.shape, *values.shape[1:]), filler, dtype=values.dtype)
            padded[batch.attention_mask_BL.astype(bool)] = values[self.tokens.places(rows)]
            found[name] = torch.from_numpy(padded)
        return {**tensors(batch), **found}


def collate(tokens: Tokens, beside: Mapping[str, Ragged], states: Mapping[str, NDArray[Any]] | None = None) -> Collate:
    """Return what pads batches and adds to them what is known of each sentence or token.

    Args:
        tokens: all training sentences.
        beside: one entry a sentence, or one a token, by the name the model takes; of a sentence's entries those behind
            its tokens are left out.
        states: arrays of shape (T, D), by name.
    """
    single = {name: array.values for name, array in beside.items() if array.is_single}
    by_token = {
        name: np.concatenate([row[:length] for row, length in zip(array, tokens.lengths, strict=True)])
        for name, array in beside.items()
        if not array.is_single
    }
    return Collate(tokens=tokens, beside=single, ragged={**by_token, **(states or {})})

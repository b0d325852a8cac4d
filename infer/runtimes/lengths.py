"""Lengths of formats with static shapes."""

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from contract.tokens import Batch


def padded_length(length_tokens: int, buckets: tuple[int, ...]) -> int:
    """Return the shortest bucket a sentence fits in, or its own length where there are no buckets.

    Raises:
        ValueError: it is longer than every bucket.
    """
    if not buckets:
        return length_tokens
    fitting = [bucket for bucket in buckets if bucket >= length_tokens]
    if not fitting:
        raise ValueError(f"a sentence of {length_tokens} tokens does not fit the model's longest, {max(buckets)}")
    return min(fitting)


def one_by_one(batch: Batch, infer_one: Callable[[Batch], NDArray[np.float32]]) -> NDArray[np.float32]:
    """Run a model that takes one sentence at a time over a batch; logits of shape (B, C)."""
    return np.concatenate([infer_one(sentence) for sentence in _sentences(batch)])


def _sentences(batch: Batch) -> Iterator[Batch]:
    for row in range(len(batch.input_ids_BL)):
        span = slice(row, row + 1)
        yield Batch(
            input_ids_BL=batch.input_ids_BL[span],
            attention_mask_BL=batch.attention_mask_BL[span],
            token_type_ids_BL=batch.token_type_ids_BL[span],
        )

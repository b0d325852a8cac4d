"""Lengths of formats with static shapes."""

from collections.abc import Callable

import numpy as np

from infer.runtimes.protocol import Feed


def padded_length(length_tokens: int, lengths: tuple[int, ...]) -> int:
    """Return the shortest padded length a sentence fits in, or its own where a model takes any.

    Raises:
        ValueError: it is longer than every one.
    """
    if not lengths:
        return length_tokens
    fitting = [length for length in lengths if length >= length_tokens]
    if not fitting:
        raise ValueError(f"a sentence of {length_tokens} tokens does not fit the model's longest, {max(lengths)}")
    return min(fitting)


def length_of(feed: Feed) -> int:
    """Return the padded length of a batch."""
    return int(next(iter(feed.values())).shape[1])


def one_by_one(feed: Feed, run_one: Callable[[Feed], Feed]) -> Feed:
    """Run a model that takes one text at a time over a batch."""
    texts = len(next(iter(feed.values())))
    if texts == 1:
        return run_one(feed)
    outputs = [run_one({role: array[row : row + 1] for role, array in feed.items()}) for row in range(texts)]
    return {role: np.concatenate([output[role] for output in outputs]) for role in outputs[0]}

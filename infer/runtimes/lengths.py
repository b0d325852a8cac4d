"""Padded lengths of formats with static shapes."""

from collections.abc import Callable

import numpy as np

from infer.runtimes.protocol import Feed


def padded_length(length_tokens: int, lengths: tuple[int, ...]) -> int:
    """Return the shortest padded length that a sentence fits; its own length if the model takes any.

    Raises:
        ValueError: it is longer than all of them.
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


def one_by_one(feed: Feed, run: Callable[[Feed], Feed]) -> Feed:
    """Run a batch on a model that takes one text at a time."""
    texts = len(next(iter(feed.values())))
    if texts == 1:
        return run(feed)
    outputs = [run({role: array[row : row + 1] for role, array in feed.items()}) for row in range(texts)]
    return {role: np.concatenate([output[role] for output in outputs]) for role in outputs[0]}

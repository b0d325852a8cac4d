"""Which sentences a block times: a sample that has the evaluation split's own lengths."""

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray


def draw(lengths_N: NDArray[np.int64], *, block: int, sentences: int, seed: int) -> tuple[int, ...]:
    """Draw the sentences of one block, one from each equal part of the split sorted by length, in random order.

    So each block has the split's distribution of lengths, and blocks differ little among themselves.

    Args:
        lengths_N: tokens of each sentence.
        block: number of the block.
        sentences: how many to draw; where the split has fewer, some come twice.
        seed: of the draw.
    """
    generator = np.random.default_rng([seed, block])
    by_length = np.argsort(lengths_N, kind="stable")
    edges = np.linspace(0, len(by_length), sentences + 1)
    places = [int(generator.uniform(low, high)) for low, high in pairwise(edges)]
    rows = by_length[np.minimum(places, len(by_length) - 1)]
    return tuple(int(row) for row in generator.permutation(rows))

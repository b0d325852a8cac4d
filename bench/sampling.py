"""Which sentences a block times: a sample with the evaluation split's distribution of lengths."""

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray


def sample_rows(lengths_N: NDArray[np.int64], *, block: int, sentences: int, seed: int) -> tuple[int, ...]:
    """Sample the sentences of one block, one from each equal part of the split sorted by length, in random order.

    So each block has the split's distribution of lengths, and blocks differ little from each other.

    Args:
        lengths_N: tokens of each sentence.
        block: number of the block.
        sentences: sample size; rows repeat where the split has fewer.
        seed: seed for the sample.
    """
    generator = np.random.default_rng([seed, block])
    by_length = np.argsort(lengths_N, kind="stable")
    edges = np.linspace(0, len(by_length), sentences + 1)
    positions = [int(generator.uniform(low, high)) for low, high in pairwise(edges)]
    rows = by_length[np.minimum(positions, len(by_length) - 1)]
    return tuple(int(row) for row in generator.permutation(rows))

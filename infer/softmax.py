"""Probabilities of logits, in double precision. Shapes: ... leading axes, C classes."""

from collections.abc import Sequence
from math import exp
from typing import Any

import numpy as np
from numpy.typing import NDArray


def log_softmax(logits_C: NDArray[Any]) -> NDArray[np.float64]:
    """Return the logarithms of the probabilities, shape (..., C)."""
    shifted_C = logits_C.astype(np.float64) - logits_C.max(axis=-1, keepdims=True)
    found_C: NDArray[np.float64] = shifted_C - np.log(np.exp(shifted_C).sum(axis=-1, keepdims=True))
    return found_C


def softmax(logits_C: NDArray[Any]) -> NDArray[np.float64]:
    """Return the probabilities, shape (..., C)."""
    powers_C = np.exp(logits_C.astype(np.float64) - logits_C.max(axis=-1, keepdims=True))
    probabilities_C: NDArray[np.float64] = powers_C / powers_C.sum(axis=-1, keepdims=True)
    return probabilities_C


def softmax_of_list(logits: Sequence[float]) -> list[float]:
    """Return the probabilities of one text's classes; for some dozen of them NumPy's calls take ten times as long."""
    largest = max(logits)
    powers = [exp(logit - largest) for logit in logits]
    total = sum(powers)
    return [power / total for power in powers]


def divergence(logits_C: NDArray[Any], reference_C: NDArray[Any]) -> NDArray[np.float64]:
    """Return KL(reference || model) of each row, in nats, shape (...)."""
    own_C, other_C = log_softmax(logits_C), log_softmax(reference_C)
    found: NDArray[np.float64] = (np.exp(other_C) * (other_C - own_C)).sum(axis=-1)
    return found

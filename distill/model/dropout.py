"""Change a model's dropout temporarily."""

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn


@contextmanager
def dropout(model: nn.Module, probability: float | None) -> Iterator[None]:
    """Set the probability of all dropout layers of a model for the duration of the block; None changes nothing."""
    layers = [module for module in model.modules() if isinstance(module, nn.Dropout)] if probability is not None else []
    originals = [layer.p for layer in layers]
    for layer in layers:
        layer.p = probability or 0.0
    try:
        yield
    finally:
        for layer, original in zip(layers, originals, strict=True):
            layer.p = original

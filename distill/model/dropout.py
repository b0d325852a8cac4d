"""The dropout of a model, set for a while."""

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn


@contextmanager
def dropout(model: nn.Module, share: float | None) -> Iterator[None]:
    """Set how much every dropout of a model leaves out while the block runs; None leaves them as they are."""
    layers = [module for module in model.modules() if isinstance(module, nn.Dropout)] if share is not None else []
    before = [layer.p for layer in layers]
    for layer in layers:
        layer.p = share or 0.0
    try:
        yield
    finally:
        for layer, own in zip(layers, before, strict=True):
            layer.p = own

"""Student shapes: custom, or a named preset. Torch-free."""

from typing import Annotated

from pydantic import Field, model_validator

from contract.errors import InputError, near_miss
from contract.strict import Strict

Count = Annotated[int, Field(ge=1)]


class Shape(Strict):
    """The shape of an encoder.

    Attributes:
        layers: number of layers.
        width: width of the hidden states, a multiple of `heads`.
        heads: number of attention heads.
        feed_forward_width: width between the two linear layers after the attention.
    """

    layers: Annotated[Count, Field(examples=["4"])]
    width: Annotated[Count, Field(examples=["312"])]
    heads: Annotated[Count, Field(examples=["12"])]
    feed_forward_width: Annotated[Count, Field(examples=["1200"])]

    @model_validator(mode="after")
    def _heads_divide_width(self) -> "Shape":
        if self.width % self.heads:
            raise ValueError(f"{self.heads} heads do not divide the width {self.width}")
        return self

    def __str__(self) -> str:
        return f"{self.layers} layers of {self.width}, {self.heads} heads, feed-forward {self.feed_forward_width}"


# TinyBERT, section 4.2; a shape whose 64-wide heads fill the processor's vector registers; the smallest shape of
# Turc et al. (arXiv 1908.08962).
PRESETS = {
    "tinybert-4l-312d": Shape(layers=4, width=312, heads=12, feed_forward_width=1200),
    "tinybert-6l-768d": Shape(layers=6, width=768, heads=12, feed_forward_width=3072),
    "edge-4l-320d": Shape(layers=4, width=320, heads=5, feed_forward_width=1280),
    "bert-2l-128d": Shape(layers=2, width=128, heads=2, feed_forward_width=512),
}


def preset(name: str) -> Shape:
    """Return the shape of a preset.

    Raises:
        InputError: unknown preset, with the nearest name.
    """
    if name not in PRESETS:
        raise InputError(f"unknown preset {name!r}{near_miss(name, list(PRESETS))}", f"known: {', '.join(PRESETS)}")
    return PRESETS[name]

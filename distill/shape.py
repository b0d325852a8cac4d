"""Shapes of students that have a name. Torch-free."""

from dataclasses import dataclass

from contract.errors import InputError
from contract.strict import near_miss
from distill.recipe import StudentRecipe


@dataclass(frozen=True, kw_only=True, slots=True)
class Shape:
    """Layers, width, heads and feed-forward width of an encoder."""

    layers: int
    width: int
    heads: int
    feed_forward_width: int


# TinyBERT, section 4.2, and the smallest of Turc et al. (arXiv 1908.08962).
PRESETS = {
    "tinybert-4l-312d": Shape(layers=4, width=312, heads=12, feed_forward_width=1200),
    "tinybert-6l-768d": Shape(layers=6, width=768, heads=12, feed_forward_width=3072),
    "bert-2l-128d": Shape(layers=2, width=128, heads=2, feed_forward_width=512),
}


def check(recipe: StudentRecipe) -> None:
    """Check what can be checked before there is a teacher.

    Raises:
        InputError: no such preset, with the near miss.
    """
    if recipe.preset and recipe.preset not in PRESETS:
        raise InputError(
            f"unknown preset {recipe.preset!r}{near_miss(recipe.preset, list(PRESETS))}", f"known: {', '.join(PRESETS)}"
        )

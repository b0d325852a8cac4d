"""A recipe, read from TOML: one file a section. Torch-free."""

from distill.recipe.file import changed, names, read
from distill.recipe.recipe import Recipe

__all__ = ["Recipe", "changed", "names", "read"]

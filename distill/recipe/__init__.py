"""Recipes, read from TOML; each section has its own module. Torch-free."""

from distill.recipe.recipe import Recipe
from distill.recipe.toml import names, parse_recipe, read, with_overrides

__all__ = ["Recipe", "names", "parse_recipe", "read", "with_overrides"]

"""Recipes as TOML files: the built-in recipes, the user's, and keys overridden by --set."""

import re
import tomllib
from importlib.resources import files
from pathlib import Path
from typing import Any

from contract.errors import InputError, near_miss
from contract.strict import parse, read_toml_value
from distill.recipe.override import apply_override
from distill.recipe.recipe import Recipe

REQUIRED_SECTIONS = ("data", "teacher", "student")
# Any other key may change the student's score, and the measured range in [expected] no longer applies.
KEYS_THAT_KEEP_EXPECTED = ("seed", "student.seed", "name", "expected")


def names() -> list[str]:
    """Return the names of the built-in recipes."""
    return sorted(path.stem for path in _folder().glob("*.toml"))


def read(name: str, overrides: tuple[str, ...] = ()) -> Recipe:
    """Read a recipe.

    Args:
        name: a TOML file, or the name of a built-in recipe.
        overrides: `key=value` with a dotted key, such as `student.layers=[1, 5]`; the value is TOML, or a plain string
            if it does not parse.

    Raises:
        InputError: unknown recipe or key (with the nearest name), or a value out of range.
    """
    path = Path(name)
    if not path.is_file() and not name.endswith(".toml"):
        path = _folder() / f"{name}.toml"
        if not path.is_file():
            cure = f"known: {', '.join(names())}; for data of your own: tinybert init DATA"
            if "/" in name:
                raise InputError(f"{name}: no such file or folder", f"give data that is there, or a recipe; {cure}")
            raise InputError(f"unknown recipe {name!r}{near_miss(name, names())}", cure)
    document = read_toml_value(path)
    document.setdefault("name", re.sub(r"[^A-Za-z0-9_-]+", "-", path.stem).strip("-") or "my-task")
    recipe = parse(Recipe, _with_sections(document), str(path))
    return with_overrides(recipe, overrides) if overrides else recipe


def parse_recipe(text: str, source: str) -> Recipe:
    """Read a recipe from its text.

    Args:
        text: TOML.
        source: name of the text, for error messages.

    Raises:
        InputError: unknown key (with the nearest name), or a value out of range.
    """
    return parse(Recipe, _with_sections(tomllib.loads(text)), source)


def with_overrides(recipe: Recipe, overrides: tuple[str, ...]) -> Recipe:
    """Return a copy of a recipe with some keys changed.

    Args:
        recipe: the recipe to copy.
        overrides: changes in the syntax of `read`.

    Raises:
        InputError: unknown key (with the nearest name), or a value out of range.
    """
    document = recipe.model_dump(mode="json", exclude_unset=True)
    if any(override.partition("=")[0].strip() not in KEYS_THAT_KEEP_EXPECTED for override in overrides):
        document.pop("expected", None)
    defaults = recipe.model_dump(mode="json")
    for override in overrides:
        apply_override(document, override, defaults)
    return parse(Recipe, document, "--set")


def _with_sections(document: dict[str, Any]) -> dict[str, Any]:
    """Return a recipe with the sections that it must have, so that an error names their keys rather than them."""
    return {**{section: {} for section in REQUIRED_SECTIONS}, **document}


def _folder() -> Path:
    return Path(str(files("distill"))) / "recipes"

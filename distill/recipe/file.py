"""Recipes as TOML: those that come with this project, a user's own, and keys changed by --set."""

from importlib.resources import files
from pathlib import Path

from contract.errors import InputError
from contract.strict import near_miss, parse, read_toml
from distill.recipe.change import change
from distill.recipe.recipe import Recipe

# Another key changes what the student may score, so that what was measured with the recipe no longer holds.
UNEXPECTING = ("seed", "student.seed", "name", "expected")


def names() -> list[str]:
    """Return the names of the recipes that come with this project."""
    return sorted(path.stem for path in _folder().glob("*.toml"))


def read(name: str, overrides: tuple[str, ...] = ()) -> Recipe:
    """Read a recipe.

    Args:
        name: a TOML file, or the name of a recipe that comes with this project.
        overrides: `key=value` with a dotted key, such as `student.layers=[1, 5]`; the value is TOML, or else a string.

    Raises:
        InputError: no such recipe or key (with the near miss), or a value out of its range.
    """
    path = Path(name)
    if not path.is_file() and not name.endswith(".toml"):
        path = _folder() / f"{name}.toml"
        if not path.is_file():
            raise InputError(f"unknown recipe {name!r}{near_miss(name, names())}", f"known: {', '.join(names())}")
    recipe = read_toml(path, Recipe)
    return changed(recipe, overrides) if overrides else recipe


def changed(recipe: Recipe, overrides: tuple[str, ...]) -> Recipe:
    """Return a recipe with some keys changed.

    Args:
        recipe: stays as it is.
        overrides: as `read` takes them.

    Raises:
        InputError: no such key (with the near miss), or a value out of its range.
    """
    document = recipe.model_dump(mode="json", exclude_unset=True)
    if any(override.partition("=")[0].strip() not in UNEXPECTING for override in overrides):
        document.pop("expected", None)
    defaults = recipe.model_dump(mode="json")
    for override in overrides:
        change(document, override, defaults)
    return parse(Recipe, document, "--set")


def _folder() -> Path:
    return Path(str(files("distill"))) / "recipes"

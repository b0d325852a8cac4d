"""Override one key of a recipe, as --set does."""

import tomllib
from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from contract.errors import InputError

MAX_INDEX_DIGITS = 9


def apply_override(document: dict[str, Any], override: str, defaults: Mapping[str, Any] | None = None) -> None:
    """Change one key of a recipe in place.

    Args:
        document: the recipe as parsed TOML.
        override: `key=value` with a dotted key; the value is TOML, or a plain string if it does not parse.
        defaults: the recipe with its defaults filled in; a table missing from the document starts as a copy of this.

    Raises:
        InputError: no `=`, a key inside a value, or a list index out of range.
    """
    key, equals, text = override.partition("=")
    if not equals:
        raise InputError(f"--set {override!r} has no '='", "write KEY=VALUE, such as --set seed=3")
    *sections, last = key.strip().split(".")
    container: Any = document
    default: Any = defaults
    for section in sections:
        default = _child_default(default, section)
        container = _child(container, section, override, default)
    if isinstance(container, list):
        container[_index(container, last, override)] = _parse_value(text)
    else:
        container[last] = _parse_value(text)


def _child(container: Any, section: str, override: str, default: Any) -> Any:
    if isinstance(container, list):
        child = container[_index(container, section, override)]
    else:
        child = container.setdefault(section, deepcopy(default) if isinstance(default, dict | list) else {})
    if not isinstance(child, dict | list):
        raise InputError(f"--set {override!r}: {section!r} holds a value, not a table")
    return child


def _child_default(default: Any, section: str) -> Any:
    """Return the default for a key, or None if it has no default."""
    if isinstance(default, list):
        return default[int(section)] if _is_index(section, default) else None
    return default.get(section) if isinstance(default, dict) else None


def _index(values: list[Any], text: str, override: str) -> int:
    if not _is_index(text, values):
        raise InputError(f"--set {override!r}: index {text!r} is not in the range 0 to {len(values) - 1}")
    return int(text)


def _is_index(text: str, values: list[Any]) -> bool:
    return text.isdecimal() and len(text) <= MAX_INDEX_DIGITS and int(text) < len(values)


def _parse_value(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text.strip()

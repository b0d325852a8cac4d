"""Change one key of a recipe's document, as --set asks for it."""

import tomllib
from collections.abc import Mapping
from typing import Any

from contract.errors import InputError

DIGITS = 9  # of a place in a list


def change(document: dict[str, Any], override: str, defaults: Mapping[str, Any] | None = None) -> None:
    """Change one key, in place.

    Args:
        document: of a recipe, as TOML has it.
        override: `key=value` with a dotted key; the value is TOML, or else a string.
        defaults: the same with what the recipe leaves unsaid: a table that is not in the document begins as it is here.

    Raises:
        InputError: no `=`, a key inside a value, or a number that a list has no place for.
    """
    key, equals, text = override.partition("=")
    if not equals:
        raise InputError(f"--set {override!r} has no '='", "write KEY=VALUE, such as --set seed=3")
    *sections, last = key.strip().split(".")
    place: Any = document
    usual: Any = defaults
    for section in sections:
        usual = _inside(usual, section)
        place = _step(place, section, override, usual)
    if isinstance(place, list):
        place[_index(place, last, override)] = _value(text)
    else:
        place[last] = _value(text)


def _step(place: Any, section: str, override: str, usual: Any) -> Any:
    if isinstance(place, list):
        found = place[_index(place, section, override)]
    else:
        found = place.setdefault(section, dict(usual) if isinstance(usual, dict) else {})
    if not isinstance(found, dict | list):
        raise InputError(f"--set {override!r}: {section!r} holds a value, not a table")
    return found


def _inside(usual: Any, section: str) -> Any:
    """Return what a default has at a key, if anything."""
    if isinstance(usual, list):
        return (
            usual[int(section)]
            if section.isdecimal() and len(section) <= DIGITS and int(section) < len(usual)
            else None
        )
    return usual.get(section) if isinstance(usual, dict) else None


def _index(place: list[Any], text: str, override: str) -> int:
    if not text.isdecimal() or len(text) > DIGITS or int(text) >= len(place):
        raise InputError(f"--set {override!r}: {text!r} is not one of the numbers 0 to {len(place) - 1}")
    return int(text)


def _value(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text.strip()

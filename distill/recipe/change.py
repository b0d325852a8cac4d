"""Change one key of a recipe's document, as --set asks for it."""

import tomllib
from typing import Any

from contract.errors import InputError


def change(document: dict[str, Any], override: str) -> None:
    """Change one key, in place.

    Args:
        document: of a recipe, as TOML has it.
        override: `key=value` with a dotted key; the value is TOML, or else a string.

    Raises:
        InputError: no `=`, a key inside a value, or a number that a list has no place for.
    """
    key, equals, text = override.partition("=")
    if not equals:
        raise InputError(f"--set {override!r} has no '='", "write KEY=VALUE, such as --set seed=3")
    *sections, last = key.strip().split(".")
    place: Any = document
    for section in sections:
        place = _step(place, section, override)
    if isinstance(place, list):
        place[_index(place, last, override)] = _value(text)
    else:
        place[last] = _value(text)


def _step(place: Any, section: str, override: str) -> Any:
    if isinstance(place, list):
        return place[_index(place, section, override)]
    if not isinstance(place.setdefault(section, {}), dict | list):
        raise InputError(f"--set {override!r}: {section!r} holds a value, not a table")
    return place[section]


def _index(place: list[Any], text: str, override: str) -> int:
    if not text.isdecimal() or int(text) >= len(place):
        raise InputError(f"--set {override!r}: {text!r} is none of the numbers 0 to {len(place) - 1}")
    return int(text)


def _value(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text.strip()

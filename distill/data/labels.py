"""Read a label from a data file: its name or its number."""

from collections.abc import Sequence
from functools import lru_cache
from unicodedata import normalize

from contract.errors import InputError, near_miss


def composed(label: str) -> str:
    """Return a label in Unicode's composed form, without spaces around it: a file may write é as two characters."""
    return normalize("NFC", label.strip())


def caseless(label: str) -> str:
    """Return a label for comparing without case, in one Unicode form."""
    return composed(composed(label).casefold())


def label_number(value: object, label_names: Sequence[str], location: str, noun: str = "label") -> int:
    """Return the number of a label given by its name, in any Unicode form, or its number.

    Args:
        value: value of one row.
        label_names: names by number.
        location: file and line, for error messages.
        noun: what error messages call the label, such as `tag`.

    Raises:
        InputError: the value is missing, or neither a known name nor a number in range.
    """
    text = composed(str(value))
    spellings = [text]
    if isinstance(value, bool):  # from JSON and Parquet
        spellings += [text.lower(), str(int(value))]
    # 1.0: a single fractional or missing label makes some programs write the whole column as fractions.
    whole = text.removesuffix(".0")
    if whole.isdecimal():
        spellings.append(whole)
    names = _composed(tuple(label_names))
    for spelling in spellings:
        if spelling in names:
            return names.index(spelling)
    number = spellings[-1]
    is_index = number.isdecimal() and number == str(int(number)) and int(number) < len(names)
    # If a name is itself a number, any other number would be ambiguous: a misspelt name, or an index.
    names_are_numbers = any(map(is_number, names))
    if is_index and not names_are_numbers:
        return int(number)
    known = ", ".join(names if names_are_numbers else map("{} {}".format, range(len(names)), names))
    if value is None or not text:
        raise InputError(f"{location}: no {noun}", f"give one of: {known}")
    raise InputError(f"{location}: unknown {noun} {text!r}{near_miss(text, list(names))}", f"known: {known}")


@lru_cache  # asked for each row
def _composed(label_names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(map(composed, label_names))


def is_number(text: str) -> bool:
    """Return whether a text is a number."""
    try:
        float(text)
    except ValueError:
        return False
    return True

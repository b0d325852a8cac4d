"""The names that a data set gives its numbered labels; only they say which number is which label. Torch-free."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from contract.errors import InputError
from distill.data.labels import caseless, composed
from distill.data.table import Table

MOST_NAMED = 20


def of_features(features: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    """Return the class names by column, without columns that have none.

    Args:
        features: features of a data set as the library `datasets` writes them to JSON, in Parquet files too.
    """
    names = {column: _names(feature) for column, feature in features.items()}
    return {column: known for column, known in names.items() if known and not _are_indices(known)}


def of_metadata(metadata: Mapping[bytes, bytes] | None) -> dict[str, tuple[str, ...]]:
    """Return the class names in a Parquet file's metadata by column; none if `datasets` did not write it."""
    try:
        features = json.loads((metadata or {})[b"huggingface"])["info"]["features"]
        return of_features(features)
    except (KeyError, TypeError, ValueError, AttributeError):
        return {}


def with_named_labels(table: Table, label: str, label_names: Sequence[str]) -> Table:
    """Return the table with its numbered labels as names of the recipe, if the data names them.

    Names are compared without case and in one Unicode form, unless two of them differ only in that.

    Args:
        table: the raw values.
        label: the column of the labels, or of lists of labels.
        label_names: the recipe's names; none for scores.

    Raises:
        InputError: the data has other names than the recipe.
    """
    names = table.class_names.get(label, ())
    if not names or not label_names:
        return table
    recipe_names = _in_order_of(names, label_names)
    if recipe_names is None:
        raise InputError(
            f"{table.source}: the labels in {label!r} are {_listed(names)}, in data.label_names {_listed(label_names)}",
            f"use the names in the data: --set data.label_names='{json.dumps(names, ensure_ascii=False)}'",
        )
    return replace(table, columns={**table.columns, label: _named(table.columns[label], recipe_names)})


def labels_of(table: Table, label: str) -> Sequence[object]:
    """Return a column of labels, as the data's own names if it has any.

    Raises:
        InputError: a row has none, with its line.
    """
    for row, value in enumerate(table.columns[label]):
        if value is None or (isinstance(value, str) and not value.strip()):
            raise InputError(f"{table.location(row)}: no label in {label!r}", "give the row a label, or remove it")
    names = table.class_names.get(label, ())
    return _named(table.columns[label], names) if names else table.columns[label]


def _names(feature: Any) -> tuple[str, ...]:
    """Return the class names of a feature, or of the entries of a list of them."""
    while isinstance(feature, list) or (isinstance(feature, Mapping) and "feature" in feature):
        feature = feature[0] if isinstance(feature, list) else feature["feature"]
    is_class = isinstance(feature, Mapping) and feature.get("_type") == "ClassLabel"
    return tuple(map(str, feature.get("names") or ())) if is_class else ()


def _are_indices(names: Sequence[str]) -> bool:
    """Return whether each name is its own number, which says nothing."""
    return list(names) == [str(number) for number in range(len(names))]


def _in_order_of(names: Sequence[str], label_names: Sequence[str]) -> list[str] | None:
    """Return the recipe's names in the data's order, or None if they are not the same names."""
    spellings: tuple[Callable[[str], str], ...] = (composed, caseless)
    for spelling in spellings:
        by_spelling = {spelling(name): name for name in label_names}
        found = [by_spelling.get(spelling(name)) for name in names]
        if len(by_spelling) == len(label_names) == len(names) == len(set(found)) and None not in found:
            return [name for name in found if name is not None]
    return None


def _named(values: Sequence[object], names: Sequence[str]) -> list[object]:
    return [_name(value, names) for value in values]


def _name(value: Any, names: Sequence[str]) -> Any:
    """Return the name of a label, or of each label in a list; other values stay: -1 marks a missing label."""
    if isinstance(value, list):
        return [_name(entry, names) for entry in value]
    return names[value] if isinstance(value, int) and 0 <= value < len(names) else value


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:MOST_NAMED]) + (", …" if len(names) > MOST_NAMED else "")

"""Finds the embedding that an input's numbers choose rows from, in a model of any format."""

from collections.abc import Mapping
from typing import NamedTuple

LOOKUPS = ("Gather", "GatherBlockQuantized")
# Operations whose first input has the rows of their result: of types, and from quantised numbers to floats.
PASSING = ("Cast", "Convert", "DequantizeLinear", "Mul", "Multiply", "Reshape", "Sub", "Subtract")


class Operation(NamedTuple):
    """An operation of a model: its kind, and the names of the values that it takes."""

    kind: str
    inputs: tuple[str, ...]


def rows_by_input(operations: Mapping[str, Operation], rows: Mapping[str, int]) -> dict[str, int]:
    """Return the number of rows that each input may choose from, as far as it is known.

    Args:
        operations: operations by the name of the value that they make.
        rows: the first size of each constant, by name.
    """
    found: dict[str, int] = {}
    for operation in operations.values():
        if operation.kind in LOOKUPS and len(operation.inputs) > 1:
            table, chosen_by = (_origin(name, operations) for name in operation.inputs[:2])
            if table in rows:
                found[chosen_by] = min(rows[table], found.get(chosen_by, rows[table]))
    return found


def _origin(name: str, operations: Mapping[str, Operation]) -> str:
    """Return the constant or the input that a value comes from."""
    passed: set[str] = set()  # a hostile model may have a circle
    while name in operations and operations[name].kind in PASSING and operations[name].inputs and name not in passed:
        passed.add(name)
        name = operations[name].inputs[0]
    return name

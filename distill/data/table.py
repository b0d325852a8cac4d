"""A table of raw values from a file or data set, with the line of each row for error messages."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

Columns = Mapping[str, Sequence[object]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Table:
    """Raw values by column.

    Attributes:
        columns: N values by column name; values from TSV and CSV are verbatim text.
        source: name of the file or split.
        lines: line number of each of the N rows in the source, from 1.
        class_names: names of numbered labels in the order of the numbers, by column, if the data names them.
    """

    columns: Columns
    source: str
    lines: Sequence[int]
    class_names: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def location(self, row: int) -> str:
        """Return the source and line of a row, for error messages."""
        return f"{self.source}:{self.lines[row]}"

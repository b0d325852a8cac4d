"""A table of raw values as a file or a data set gives it, with the place of each row for errors."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

Columns = Mapping[str, Sequence[object]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Table:
    """Raw values by column.

    Attributes:
        columns: N values by column name; from TSV and CSV all are text, as they stand there.
        source: the file's or the split's name.
        lines: the line of each of N rows in the source, from 1.
    """

    columns: Columns
    source: str
    lines: Sequence[int]

    def place(self, row: int) -> str:
        """Return how errors name a row."""
        return f"{self.source}:{self.lines[row]}"

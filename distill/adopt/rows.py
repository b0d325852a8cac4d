"""The labelled rows that a finished classifier is judged and calibrated on. Torch-free."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple, cast

from contract.errors import InputError
from distill import tasks
from distill.adopt.head import Head
from distill.data import dataset
from distill.data.class_names import labels_of
from distill.data.labels import caseless
from distill.data.rows import Rows
from distill.data.table import Table
from distill.init import columns, source
from distill.recipe.data import Data, DataFormat
from infer.tasks import Name

FEWEST_ROWS = 10


class Named(NamedTuple):
    """The columns that the user names; the others are looked for."""

    text: str | None = None
    text_pair: str | None = None
    label: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class OwnRows:
    """The rows.

    Attributes:
        evaluated: rows to judge on; where there are no others, some of them calibrate instead.
        others: rows to calibrate on; None if there are no others.
        source, others_source: where both are from.
        columns: the columns that were read, by role.
    """

    evaluated: Rows
    others: Rows | None
    source: str
    others_source: str
    columns: Mapping[str, str]


def read(data: str, head: Head, named: Named = Named()) -> OwnRows:  # noqa: B008  # a constant
    """Read a user's labelled rows.

    Args:
        data: a file, a folder with training and validation files, or a data set of the hub.
        head: what the classifier answers.
        named: columns that are not to be looked for.

    Raises:
        InputError: there is no such file or column, a text or label cannot be read, or a label is not the classifier's.
    """
    found = source.find(data, None)
    names = columns.find(found.table, text=named.text, text_pair=named.text_pair, label=named.label)
    described = Data(
        format=cast("DataFormat", found.format),
        train=found.train,
        validation=found.validation,
        dataset=found.dataset,
        text=names.text,
        text_pair=names.text_pair,
        label=names.label,
        label_names=head.label_names,
    )
    tables = dataset.tables(described, Path(), cast("Name", head.task))
    rows = {role: _read(table, described, head) for role, table in tables.items()}
    roles = ("validation", "train") if "validation" in rows else ("train",)
    judged = roles[0]
    if len(roles) == 1 and len(rows[judged]) < FEWEST_ROWS:
        raise InputError(
            f"{tables[judged].source}: {len(rows[judged])} rows are too few to judge and to calibrate on",
            f"give at least {FEWEST_ROWS}",
        )
    return OwnRows(
        evaluated=rows[judged],
        others=rows["train"] if len(roles) > 1 else None,
        source=tables[judged].source,
        others_source=tables["train"].source if len(roles) > 1 else "",
        columns={"text": names.text, "text_pair": names.text_pair, "label": names.label},
    )


def _read(table: Table, data: Data, head: Head) -> Rows:
    values = labels_of(table, data.label) if head.is_named else table.columns.get(data.label, ())
    by_spelling = {caseless(name): name for name in head.label_names}
    if len(by_spelling) == len(head.label_names) and data.label in table.columns:
        spelled = [_as_spelled(value, by_spelling) for value in values]
        table = replace(table, columns={**table.columns, data.label: spelled})
    return tasks.get(head.task).read_rows(table, data)


def _as_spelled(value: Any, by_spelling: Mapping[str, str]) -> Any:
    """Return a label, or each of a list of them, as the classifier spells it; case does not matter."""
    if isinstance(value, list | tuple):
        return [_as_spelled(entry, by_spelling) for entry in value]
    return by_spelling.get(caseless(value), value) if isinstance(value, str) else value

"""Classification of a text or a pair of texts: rows, labels and the teacher's head. Torch-free. Shapes: N rows."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from contract import ragged
from contract.errors import InputError, needs_extra
from contract.progress import note
from contract.ragged import Ragged
from distill.data.rows import Rows, labelled, read_texts
from distill.data.table import Table
from distill.tasks.text import has_head, labels, model_class
from infer import tasks
from infer.metrics import counts
from infer.outputs import Outputs
from infer.tasks.classification import decode

if TYPE_CHECKING:
    from distill.recipe.data import Data
    from distill.recipe.recipe import Recipe

__all__ = ["labels", "model_class"]

NO_ROWS_CURE = "a split needs sentences of at least two classes"
IS_SCORE = False
IS_OF_TOKENS = False
PIPELINE_TAG = "text-classification"


def check(recipe: "Recipe") -> None:
    """Check that a recipe names its labels, and a metric that fits them.

    Raises:
        ValueError: it does not.
    """
    if len(recipe.data.label_names) < 2:
        raise ValueError("classification needs at least two data.label_names")
    if recipe.metric == counts.F1_BINARY.name and len(recipe.data.label_names) != 2:
        raise ValueError("the metric f1_binary is of two labels, use f1_macro")


def read_rows(table: Table, data: "Data") -> Rows:
    """Check raw columns and number their labels; a label is one of the names or its number.

    Raises:
        InputError: no such column, no rows, a text that is empty or holds a NUL, a label out of range, or a single
            class; with file and line.
    """
    texts, pairs = read_texts(table, text=data.text, text_pair=data.text_pair, label=data.label)
    names = data.label_names
    numbers = [number_of(value, names, table.place(row)) for row, value in enumerate(table.columns[data.label])]
    if not numbers:
        raise InputError(f"{table.source}: no rows", NO_ROWS_CURE)
    if len(set(numbers)) == 1:
        raise InputError(f"{table.source}: all {len(numbers)} rows have the label {names[numbers[0]]!r}", NO_ROWS_CURE)
    return labelled(texts, pairs, np.asarray(numbers, dtype=np.int64))


def head(label_names: Sequence[str]) -> dict[str, Any]:
    """Return what a model's configuration must say: its labels, by number and by name."""
    return {
        "id2label": dict(enumerate(label_names)),
        "label2id": {name: number for number, name in enumerate(label_names)},
    }


def is_ready(config: Any) -> bool:
    """Tell whether a model's configuration is that of a model trained to answer for a whole text."""
    return has_head(config)


def check_head(config: Any, label_names: Sequence[str], name: str) -> None:
    """Check that a ready classifier answers with the data's labels, in the data's order.

    Raises:
        InputError: another number of labels, or the same names in another order.
    """
    theirs = [str(config.id2label[number]) for number in range(config.num_labels)]
    if len(theirs) != len(label_names):
        raise InputError(
            f"teacher {name} has {len(theirs)} labels ({', '.join(theirs)}), the data {len(label_names)}",
            "give a teacher of this task, or change data.label_names",
        )
    lower, ours = [label.lower() for label in theirs], [label.lower() for label in label_names]
    if lower != ours and sorted(lower) == sorted(ours):
        raise InputError(
            f"teacher {name} orders its labels {', '.join(theirs)}, the data {', '.join(label_names)}",
            "set data.label_names to the teacher's order and number the data's labels so",
        )


def check_answers(labels: Ragged, outputs: Outputs, metric: str, floor: float, name: str) -> None:
    """Check that a ready classifier is not merely right under another numbering of the labels.

    Raises:
        InputError: it is below the floor as it stands, and above it with its labels renumbered.
    """
    with needs_extra("distill"):
        from scipy.optimize import linear_sum_assignment
    labels_N, answers_N = labels.values, decode(outputs)
    classes = outputs.logits.values.shape[1]
    counts_CC = np.zeros((classes, classes), dtype=np.int64)
    np.add.at(counts_CC, (labels_N, answers_N), 1)
    true, predicted = linear_sum_assignment(counts_CC, maximize=True)
    renumbering_C = np.empty(classes, dtype=np.int64)
    renumbering_C[predicted] = true
    settings = tasks.get("classification").settings([""] * classes)
    as_numbered, renumbered = (
        tasks.metric(settings.kind, metric).value(
            counts.right(labels_N, answered_N)
            if metric == counts.ACCURACY.name
            else counts.hits(labels_N, answered_N, classes)
        )
        for answered_N in (answers_N, renumbering_C[answers_N])
    )
    if as_numbered < floor <= renumbered:
        order = ", ".join(f"{theirs} is the data's {ours}" for ours, theirs in zip(true, predicted, strict=True))
        raise InputError(
            f"teacher {name} has another label order than the data: {metric} {as_numbered:.3f} as numbered, "
            f"{renumbered:.3f} if its label {order}",
            "reorder data.label_names or the data's numbers",
        )


def strata(rows: Rows) -> NDArray[np.int64]:
    """Return the labels."""
    return rows.labels_N


def relabelled(rows: Rows, outputs: Outputs) -> Rows:
    """Return rows with a model's answers as their labels, and tell how many labels it kept."""
    labels_N = decode(outputs)
    note(f"the teacher keeps the label of {(labels_N == rows.labels_N).mean():.1%} of {len(rows)} new rows")
    return replace(rows, labels=ragged.single(labels_N))


def number_of(value: object, label_names: Sequence[str], where: str) -> int:
    """Return the number of a label as files have it: its name or its number.

    Args:
        value: of one row.
        label_names: by number.
        where: how errors name the row.

    Raises:
        InputError: it is neither.
    """
    text = str(value).strip()
    ways = [text]
    if isinstance(value, bool):  # of JSON and Parquet
        ways += [text.lower(), str(int(value))]
    # 1.0: one fractional or missing label made a whole column of numbers fractional where the file was written.
    whole = text.removesuffix(".0")
    if whole.isdecimal():
        ways.append(whole)
    names = [name.strip() for name in label_names]
    for way in ways:
        if way in names:
            return names.index(way)
    number = ways[-1]
    is_number = number.isdecimal() and number == str(int(number)) and int(number) < len(names)
    # Where a name is a number itself, a number that is no name could be meant as a name or as a place among them.
    are_numbers = any(map(_is_number, names))
    if is_number and not are_numbers:
        return int(number)
    known = ", ".join(names if are_numbers else map("{} {}".format, range(len(names)), names))
    raise InputError(f"{where}: label {text!r} is out of range", f"it must be one of: {known}")


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True

"""Classification of a text or a pair of texts: the training half. Torch-free. Shapes: N rows, C classes."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from contract import ragged
from contract.errors import InputError, needs_extra
from contract.progress import note
from contract.ragged import Ragged
from distill.data.labels import caseless, composed, is_number, label_number
from distill.data.rows import Rows, labelled, read_texts
from distill.data.table import Table
from distill.tasks.head import check_problem_type, label_names_of
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
PER_TOKEN = False
PIPELINE_TAG = "text-classification"
PROBLEM_TYPE = "single_label_classification"


# A column with more distinct values than this probably holds something other than labels.
MAX_CLASSES = 200


def check_recipe(recipe: "Recipe") -> None:
    """Check that a recipe names several labels, or leaves them to the data, and that its metric fits their number.

    Raises:
        ValueError: a single label, or the wrong number of labels for the metric.
    """
    if len(recipe.data.label_names) == 1:
        raise ValueError("classification needs at least two data.label_names")
    if recipe.metric == counts.F1_BINARY.name and len(recipe.data.label_names) not in (0, 2):
        raise ValueError("the metric f1_binary needs exactly two labels, use f1_macro")


def guess_label_names(values: Sequence[object]) -> tuple[str, ...] | None:
    """Return the distinct values: numbers by value, words by the alphabet."""
    names = {composed(str(value)) for value in values}
    if not 2 <= len(names) <= MAX_CLASSES:
        return None
    return tuple(sorted(names, key=float) if all(map(is_number, names)) else sorted(names))


def read_rows(table: Table, data: "Data") -> Rows:
    """Check the raw columns and convert the labels, given by name or number, to numbers.

    Raises:
        InputError: no such column, no rows, a text that is empty or contains a NUL, an unknown label, or a single
            class; with file and line.
    """
    texts, pairs = read_texts(table, text=data.text, text_pair=data.text_pair, label=data.label)
    names = data.label_names
    numbers = [label_number(value, names, table.location(row)) for row, value in enumerate(table.columns[data.label])]
    if not numbers:
        raise InputError(f"{table.source}: no rows", NO_ROWS_CURE)
    if len(set(numbers)) == 1:
        raise InputError(f"{table.source}: all {len(numbers)} rows have the label {names[numbers[0]]!r}", NO_ROWS_CURE)
    return labelled(texts, pairs, np.asarray(numbers, dtype=np.int64))


def head_config(label_names: Sequence[str]) -> dict[str, Any]:
    """Return the configuration entries for the labels, by number and by name."""
    return {
        "id2label": dict(enumerate(label_names)),
        "label2id": {name: number for number, name in enumerate(label_names)},
    }


def is_fine_tuned(config: Any) -> bool:
    """Return whether a model configuration belongs to a model with a head over the whole text."""
    return has_head(config)


def check_head(config: Any, label_names: Sequence[str], name: str) -> None:
    """Check that a fine-tuned classifier has the data's labels, in the same order, and gives one per text.

    Raises:
        InputError: labels that are not numbered from 0, a different number of labels, the same names in a different
            order, or several labels per text.
    """
    teacher_labels = label_names_of(config, name)
    if len(teacher_labels) != len(label_names):
        raise InputError(
            f"teacher {name} has {len(teacher_labels)} labels ({', '.join(teacher_labels)}), "
            f"the data has {len(label_names)}",
            "use a teacher for this task, or change data.label_names",
        )
    teacher_caseless, data_caseless = list(map(caseless, teacher_labels)), list(map(caseless, label_names))
    if teacher_caseless != data_caseless and sorted(teacher_caseless) == sorted(data_caseless):
        raise InputError(
            f"label order differs: teacher {name} has {', '.join(teacher_labels)}, the data {', '.join(label_names)}",
            "set data.label_names to the teacher's order and renumber the data's labels",
        )
    check_problem_type(config, PROBLEM_TYPE, name)


def check_answers(labels: Ragged, outputs: Outputs, metric: str, floor: float, name: str) -> None:
    """Check that a fine-tuned classifier below the floor does not merely number the labels differently.

    Raises:
        InputError: the score is below the floor, but above it after permuting the labels.
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
    settings = tasks.get("classification").settings([str(number) for number in range(classes)])
    as_numbered, renumbered = (
        tasks.metric(settings.kind, metric).value(
            counts.right(labels_N, answered_N)
            if metric == counts.ACCURACY.name
            else counts.hits(labels_N, answered_N, classes)
        )
        for answered_N in (answers_N, renumbering_C[answers_N])
    )
    if as_numbered < floor <= renumbered:
        order = ", ".join(f"{teacher} is the data's {data}" for data, teacher in zip(true, predicted, strict=True))
        raise InputError(
            f"label order of teacher {name} differs from the data: {metric} is {as_numbered:.3f}, but "
            f"{renumbered:.3f} if its label {order}",
            "reorder data.label_names, or renumber the data's labels",
        )


def strata(rows: Rows) -> NDArray[np.int64]:
    """Return the labels as strata, shape (N,)."""
    return rows.labels_N


def relabel(rows: Rows, outputs: Outputs) -> Rows:
    """Return the rows with the teacher's answers as labels, and note how many labels are unchanged."""
    labels_N = decode(outputs)
    note(f"the teacher keeps {(labels_N == rows.labels_N).mean():.1%} of the labels of {len(rows)} new rows")
    return replace(rows, labels=ragged.single(labels_N))

"""Regression, a score for a text or a pair of texts: the training half. Torch-free.

Shapes: N rows; a model's outputs are (N, 1).
"""

from collections.abc import Sequence
from dataclasses import replace
from math import isfinite
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from contract import ragged
from contract.errors import InputError
from contract.ragged import Ragged
from distill.data.labels import is_number
from distill.data.rows import Rows, labelled, read_texts
from distill.data.table import Table
from distill.tasks.head import check_problem_type
from distill.tasks.text import has_head, labels, model_class
from infer import tasks
from infer.metrics.correlation import RMSE
from infer.outputs import Outputs
from infer.tasks import evaluate
from infer.tasks.regression import decode

if TYPE_CHECKING:
    from distill.recipe.data import Data
    from distill.recipe.recipe import Recipe

__all__ = ["labels", "model_class"]

NO_ROWS_CURE = "a split needs sentences with at least two different scores"
IS_SCORE = True
PER_TOKEN = False
PIPELINE_TAG = "text-classification"
PROBLEM_TYPE = "regression"


# Whole numbers with more values than this are scores rather than classes.
MAX_NUMBERED_CLASSES = 20


def check_recipe(recipe: "Recipe") -> None:
    """Check that a recipe has no labels and no generated data, whose sentences have labels.

    Raises:
        ValueError: the recipe has one of them.
    """
    if recipe.data.label_names or recipe.data.format == "generated":
        raise ValueError("regression uses scores: remove data.label_names, and do not use generated data")


def guess_label_names(values: Sequence[object]) -> tuple[str, ...] | None:
    """Return no names for a column of scores: numbers with fractions, or more of them than classes."""
    numbers = set(map(str, values))
    if not all(map(is_number, numbers)):
        return None
    are_scores = len(numbers) > MAX_NUMBERED_CLASSES or any(not float(number).is_integer() for number in numbers)
    return () if are_scores else None


def read_rows(table: Table, data: "Data") -> Rows:
    """Check the raw columns and read their scores.

    Raises:
        InputError: no such column, no rows, a text that is empty or contains a NUL, a score that is not a finite
            number, or a single score; with file and line.
    """
    texts, pairs = read_texts(table, text=data.text, text_pair=data.text_pair, label=data.label)
    scores = [_score(value, table.location(row)) for row, value in enumerate(table.columns[data.label])]
    scores_N = np.asarray(scores, dtype=np.float32)
    if not scores:
        raise InputError(f"{table.source}: no rows", NO_ROWS_CURE)
    if len(set(scores_N.tolist())) == 1:
        raise InputError(f"{table.source}: all {len(scores)} rows have the score {scores_N[0]:g}", NO_ROWS_CURE)
    return labelled(texts, pairs, scores_N)


def head_config(label_names: Sequence[str]) -> dict[str, Any]:
    """Return the configuration entries for one output, trained with the squared error."""
    return {"num_labels": 1, "problem_type": "regression"}


def is_fine_tuned(config: Any) -> bool:
    """Return whether a model configuration belongs to a model with a head over the whole text."""
    return has_head(config)


def check_head(config: Any, label_names: Sequence[str], name: str) -> None:
    """Check that a fine-tuned model has one output, a score.

    Raises:
        InputError: the model has several outputs, or one that is not a score.
    """
    if config.num_labels != 1:
        raise InputError(
            f"teacher {name} has {config.num_labels} outputs, regression needs one",
            "use a teacher for this task, or a pretrained model without a head",
        )
    check_problem_type(config, PROBLEM_TYPE, name)


def check_answers(labels: Ragged, outputs: Outputs, metric: str, floor: float, name: str) -> None:
    """Check that a fine-tuned model uses the data's scale: in the same direction, and with the same range.

    Raises:
        InputError: the score is below the floor but above it with the sign reversed, or above the floor with a larger
            error than always answering the mean.
    """
    labels_N, scores_N = labels.values, decode(outputs)
    values = evaluate.values(tasks.settings("regression", ()), outputs, labels)
    value = values[metric]
    if value < floor <= -value:
        raise InputError(
            f"scores of teacher {name} run opposite to the data: {metric} is {value:.3f}",
            "reverse the data's scores, or use another teacher",
        )
    if value >= floor and values[RMSE.name] > float(np.std(labels_N)):
        raise InputError(
            f"scores of teacher {name} are on a different scale than the data: {scores_N.min():.3g} to "
            f"{scores_N.max():.3g}, in the data {labels_N.min():.3g} to {labels_N.max():.3g}",
            "rescale the data's scores to the teacher's scale",
        )


def strata(rows: Rows) -> NDArray[np.int64]:
    """Return the quintile of each score, shape (N,)."""
    scores_N = rows.labels_N
    quintiles_N: NDArray[np.int64] = np.searchsorted(np.quantile(scores_N, [0.2, 0.4, 0.6, 0.8]), scores_N)
    return quintiles_N


def relabel(rows: Rows, outputs: Outputs) -> Rows:
    """Return the rows with the teacher's scores as labels."""
    return replace(rows, labels=ragged.single(decode(outputs).astype(np.float32)))


def _score(value: object, location: str) -> float:
    try:
        number = float(str(value))
    except ValueError:
        number = float("nan")
    if not isfinite(number) or abs(number) > np.finfo(np.float32).max:
        raise InputError(f"{location}: score {str(value)!r} is not a finite number", "correct or remove the row")
    return number

"""Regression: a score for a text or a pair of texts; rows, scores and the teacher's head. Torch-free.

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
from distill.data.rows import Rows, labelled, read_texts
from distill.data.table import Table
from distill.tasks.text import has_head, labels, model_class
from infer import tasks
from infer.metrics.correlation import RMSE
from infer.outputs import Outputs
from infer.tasks import judge
from infer.tasks.regression import decode

if TYPE_CHECKING:
    from distill.recipe.data import Data
    from distill.recipe.recipe import Recipe

__all__ = ["labels", "model_class"]

NO_ROWS_CURE = "a split needs sentences of at least two scores"
IS_SCORE = True
IS_OF_TOKENS = False
PIPELINE_TAG = "text-classification"


def check(recipe: "Recipe") -> None:
    """Check that a recipe names no labels.

    Raises:
        ValueError: it does.
    """
    if recipe.data.label_names or recipe.data.format == "generated":
        raise ValueError("regression has scores: no data.label_names, and no generated data")


def read_rows(table: Table, data: "Data") -> Rows:
    """Check raw columns and read their scores; there are no label names.

    Raises:
        InputError: no such column, no rows, a text that is empty or holds a NUL, a score that is no finite number, or a
            single score; with file and line.
    """
    texts, pairs = read_texts(table, text=data.text, text_pair=data.text_pair, label=data.label)
    scores = [_score(value, table.place(row)) for row, value in enumerate(table.columns[data.label])]
    scores_N = np.asarray(scores, dtype=np.float32)
    if not scores:
        raise InputError(f"{table.source}: no rows", NO_ROWS_CURE)
    if len(set(scores_N.tolist())) == 1:
        raise InputError(f"{table.source}: all {len(scores)} rows have the score {scores_N[0]:g}", NO_ROWS_CURE)
    return labelled(texts, pairs, scores_N)


def head(label_names: Sequence[str]) -> dict[str, Any]:
    """Return what a model's configuration must say: one output, learned by its squared error."""
    return {"num_labels": 1, "problem_type": "regression"}


def is_ready(config: Any) -> bool:
    """Tell whether a model's configuration is that of a model trained to answer for a whole text."""
    return has_head(config)


def check_head(config: Any, label_names: Sequence[str], name: str) -> None:
    """Check that a ready model answers with one number.

    Raises:
        InputError: it is a classifier of several labels.
    """
    if config.num_labels != 1:
        raise InputError(
            f"teacher {name} has {config.num_labels} outputs, a regression one",
            "give a teacher of this task, or a model that is not yet trained for any",
        )


def check_answers(labels: Ragged, outputs: Outputs, metric: str, floor: float, name: str) -> None:
    """Check that a ready model scores the way the data does: higher for more, and on the same scale.

    Raises:
        InputError: it is below the floor, and above it turned round; or right but farther from the data's scores than
            their mean is.
    """
    right_N, answers_N = labels.values, decode(outputs)
    found = judge.values(tasks.settings("regression", ()), outputs, labels)
    value = found[metric]
    if value < floor <= -value:
        raise InputError(
            f"teacher {name} scores the other way round than the data: {metric} {value:.3f}",
            "turn the data's scores round, or give another teacher",
        )
    if value >= floor and found[RMSE.name] > float(np.std(right_N)):
        raise InputError(
            f"teacher {name} scores on another scale than the data: from {answers_N.min():.3g} to "
            f"{answers_N.max():.3g}, the data from {right_N.min():.3g} to {right_N.max():.3g}",
            "bring the data's scores to the teacher's scale",
        )


def strata(rows: Rows) -> NDArray[np.int64]:
    """Return the fifth of all scores that each score is in."""
    scores_N = rows.labels_N
    fifths_N: NDArray[np.int64] = np.searchsorted(np.quantile(scores_N, [0.2, 0.4, 0.6, 0.8]), scores_N)
    return fifths_N


def relabelled(rows: Rows, outputs: Outputs) -> Rows:
    """Return rows with a model's scores as their labels."""
    return replace(rows, labels=ragged.single(decode(outputs).astype(np.float32)))


def _score(value: object, where: str) -> float:
    try:
        number = float(str(value))
    except ValueError:
        number = float("nan")
    if not isfinite(number) or abs(number) > np.finfo(np.float32).max:
        raise InputError(f"{where}: score {str(value)!r} is not a finite number", "correct or remove the row")
    return number

"""Regression: a score for a sentence or a pair of sentences; rows, scores and metrics. Torch-free.

Shapes: N sentences; a model's outputs are (N, 1).
"""

from collections.abc import Iterator, Sequence
from math import isfinite
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from contract.errors import InputError, needs_extra
from infer.tasks.rows import Labels, Rows, read_texts
from infer.tasks.score import RESAMPLES, Score, by_name, check_finite, with_intervals
from infer.tasks.settings import Settings as TaskSettings
from infer.tasks.table import Table

Logits = NDArray[np.float32]
Scores = NDArray[np.float64]


class Settings(TaskSettings):
    """Regression: one score for a text or a pair."""

    kind: Literal["regression"] = "regression"


METRICS: tuple[str, ...] = ("pearson", "spearman")
NO_ROWS_CURE = "a split needs sentences of at least two scores"


def read_rows(table: Table, *, text: str, text_pair: str, label: str, label_names: Sequence[str]) -> Rows:
    """Check raw columns and read their scores; there are no label names.

    Raises:
        InputError: no such column, no rows, a text that is empty or holds a NUL, a score that is no finite number, or a
            single score; with file and line.
    """
    texts, pairs = read_texts(table, text=text, text_pair=text_pair, label=label)
    scores = [_score(value, table.place(row)) for row, value in enumerate(table.columns[label])]
    labels = np.asarray(scores, dtype=np.float32).tolist()
    if not labels:
        raise InputError(f"{table.source}: no rows", NO_ROWS_CURE)
    if len(set(labels)) == 1:
        raise InputError(f"{table.source}: all {len(labels)} rows have the score {labels[0]:g}", NO_ROWS_CURE)
    return Rows(texts=texts, pairs=pairs, labels_N=np.asarray(labels, dtype=np.float32))


def head(label_names: Sequence[str]) -> dict[str, Any]:
    """Return what a model's configuration must say: one output, learned by its squared error."""
    return {"num_labels": 1, "problem_type": "regression"}


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


def check_answers(labels_N: Labels, logits_NC: Logits, metric: str, floor: float, name: str) -> None:
    """Check that a ready model scores the way the data does: higher for more, and on the same scale.

    Raises:
        InputError: it is below the floor, and above it turned round; or right but farther from the data's scores than
            their mean is.
    """
    answers_N = decode(logits_NC)
    found = values(labels_N, logits_NC)
    value = found[metric]
    if value < floor <= -value:
        raise InputError(
            f"teacher {name} scores the other way round than the data: {metric} {value:.3f}",
            "turn the data's scores round, or give another teacher",
        )
    spread = float(np.std(labels_N))
    if value >= floor and found["rmse"] > spread:
        raise InputError(
            f"teacher {name} scores on another scale than the data: from {answers_N.min():.3g} to "
            f"{answers_N.max():.3g}, the data from {labels_N.min():.3g} to {labels_N.max():.3g}",
            "bring the data's scores to the teacher's scale",
        )


def decode(logits_NC: Logits) -> NDArray[np.float32]:
    """Return the score of each row, shape (N,)."""
    return logits_NC[:, 0]


def values(labels_N: Labels, logits_NC: Logits) -> dict[str, float]:
    """Return Pearson's and Spearman's correlation, by SciPy, and the root of the mean squared error.

    A correlation is 0 where one side is constant.

    Raises:
        InputError: an output is not a finite number.
    """
    return _metrics(*_checked(labels_N, logits_NC))


def scores(labels_N: Labels, logits_NC: Logits) -> dict[str, Score]:
    """Return the metrics with their 95 % intervals: percentile bootstraps over the sentences, seeded.

    Raises:
        InputError: an output is not a finite number.
    """
    true_N, answers_N = _checked(labels_N, logits_NC)
    samples = [_metrics(true_N[rows_N], answers_N[rows_N]) for rows_N in _resampled(len(true_N))]
    return with_intervals(_metrics(true_N, answers_N), by_name(samples))


def pearson_drop(labels_N: Labels, logits_NC: Logits, teacher_logits_NC: Logits) -> Score:
    """Return the teacher's Pearson correlation minus a model's, with an interval that pairs the sentences."""
    true_N, answers_N = _checked(labels_N, logits_NC)
    _, theirs_N = _checked(labels_N, teacher_logits_NC)

    def drop(rows_N: NDArray[np.int64]) -> dict[str, float]:
        true = true_N[rows_N]
        return {"drop": pearson(true, theirs_N[rows_N]) - pearson(true, answers_N[rows_N])}

    samples = by_name(list(map(drop, _resampled(len(true_N)))))
    return with_intervals(drop(np.arange(len(true_N))), samples)["drop"]


def pearson(first_N: NDArray[Any], second_N: NDArray[Any]) -> float:
    """Return Pearson's correlation, 0 where one side is constant."""
    with needs_extra("distill"):
        from scipy.stats import pearsonr
    return 0.0 if _is_constant(first_N, second_N) else float(pearsonr(first_N, second_N).statistic)


def _metrics(true_N: Scores, answers_N: Scores) -> dict[str, float]:
    with needs_extra("distill"):
        from scipy.stats import spearmanr
    constant = _is_constant(true_N, answers_N)
    return {
        "pearson": pearson(true_N, answers_N),
        "spearman": 0.0 if constant else float(spearmanr(true_N, answers_N).statistic),
        "rmse": float(np.sqrt(np.mean((true_N - answers_N) ** 2))),
    }


def _is_constant(first_N: NDArray[Any], second_N: NDArray[Any]) -> bool:
    return bool(np.ptp(first_N) == 0 or np.ptp(second_N) == 0)


def _resampled(sentences: int) -> Iterator[NDArray[np.int64]]:
    """Give the rows of each bootstrap sample, the same ones each time."""
    generator = np.random.default_rng(0)
    for _ in range(RESAMPLES):
        yield generator.integers(sentences, size=sentences)


def _checked(labels_N: Labels, logits_NC: Logits) -> tuple[Scores, Scores]:
    check_finite(logits_NC)
    return labels_N.astype(np.float64), decode(logits_NC).astype(np.float64)


def _score(value: object, where: str) -> float:
    try:
        number = float(str(value))
    except ValueError:
        number = float("nan")
    if not isfinite(number) or abs(number) > np.finfo(np.float32).max:
        raise InputError(f"{where}: score {str(value)!r} is not a finite number", "correct or remove the row")
    return number

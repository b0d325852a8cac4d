"""Regression: a score for a text or a pair of texts, the device half. Shapes: N examples, outputs (N, 1)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from contract.ragged import Ragged
from infer.encoder import Encoded
from infer.folders.graph import LOGITS, TaskGraph
from infer.inference import Output
from infer.metrics.correlation import PEARSON, RMSE, SPEARMAN, pairs, products, squared_errors
from infer.metrics.metric import Metric, Statistics
from infer.outputs import Outputs, of_logits
from infer.tasks.settings import Settings as TaskSettings

METRICS: tuple[Metric, ...] = (PEARSON, SPEARMAN, RMSE)
REQUIRES = ("scipy",)
READS: Literal["first", "all"] = "first"
GRAPHS: Mapping[str, TaskGraph] = {"model": TaskGraph()}
CONSTANT = "the mean score"
# The largest difference of two scores that agree, in standard deviations of the reference's scores.
NEAR = 0.1


class Settings(TaskSettings):
    """Regression: one score for a text or a pair."""

    kind: Literal["regression"] = "regression"


@dataclass(frozen=True, slots=True)
class Score:
    """The score of a text, on the scale of the training data."""

    score: float


def settings(names: Sequence[str]) -> Settings:
    """Return the settings of a model with scores."""
    return Settings()


def decode(outputs: Outputs) -> NDArray[np.float64]:
    """Return the score of each example, shape (N,)."""
    scores_N: NDArray[np.float64] = outputs.logits.values[:, 0].astype(np.float64)
    return scores_N


def statistics(outputs: Outputs, labels: Ragged, settings: Settings) -> Mapping[str, Statistics]:
    """Return the statistics of each metric."""
    right_N, answers_N = labels.values.astype(np.float64), decode(outputs)
    return {
        PEARSON.name: products(right_N, answers_N),
        SPEARMAN.name: pairs(right_N, answers_N),
        RMSE.name: squared_errors(right_N, answers_N),
    }


def constant(labels: Ragged, settings: Settings) -> Outputs:
    """Return the outputs of a model that always gives the mean score."""
    return of_logits(np.full((len(labels), 1), labels.values.mean(), dtype=np.float32))


def answer(output: Output, encoded: Encoded, settings: Settings) -> Score:
    """Return the score of a text."""
    return Score(float(output[LOGITS][0, 0]))


def agree(outputs: Outputs, reference: Outputs, labels: Ragged) -> NDArray[np.bool_]:
    """Return for each example whether the scores differ by at most a tenth of the reference's standard deviation."""
    reference_N = decode(reference)
    near_N: NDArray[np.bool_] = np.abs(decode(outputs) - reference_N) <= NEAR * reference_N.std()
    return near_N


def distance(outputs: Outputs, reference: Outputs, labels: Ragged) -> float:
    """Return the root mean squared difference, on the scale of the data."""
    return float(np.sqrt(np.mean((decode(outputs) - decode(reference)) ** 2)))

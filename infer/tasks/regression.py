"""Regression: a score for a text or a pair of texts; what a device needs. Shapes: N examples, outputs (N, 1)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from contract.ragged import Ragged
from infer.encoder import Encoded
from infer.folders.graph import LOGITS
from infer.inference import Output
from infer.metrics.correlation import PEARSON, RMSE, SPEARMAN, pairs, products, squared_errors
from infer.metrics.metric import Metric, Statistics
from infer.outputs import Outputs
from infer.tasks.settings import Settings as TaskSettings

METRICS: tuple[Metric, ...] = (PEARSON, SPEARMAN, RMSE)
REQUIRES = ("scipy",)
READS: Literal["first", "all"] = "first"
# Scores are alike within so many standard deviations of the reference's.
NEAR = 0.1


class Settings(TaskSettings):
    """Regression: one score for a text or a pair."""

    kind: Literal["regression"] = "regression"


@dataclass(frozen=True, slots=True)
class Score:
    """A text's score, on the scale of the data the model was trained on."""

    score: float


def settings(names: Sequence[str]) -> Settings:
    """Return the settings of a model that gives scores."""
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


def answer(output: Output, encoded: Encoded, settings: Settings) -> Score:
    """Return a text's score."""
    return Score(float(output[LOGITS][0, 0]))


def agree(outputs: Outputs, reference: Outputs) -> NDArray[np.bool_]:
    """Tell of each example whether the scores are within a tenth of the standard deviation of the reference's."""
    reference_N = decode(reference)
    near_N: NDArray[np.bool_] = np.abs(decode(outputs) - reference_N) <= NEAR * reference_N.std()
    return near_N


def distance(outputs: Outputs, reference: Outputs) -> float:
    """Return the root of the mean squared difference, on the data's own scale."""
    return float(np.sqrt(np.mean((decode(outputs) - decode(reference)) ** 2)))

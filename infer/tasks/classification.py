"""Classification of a text or a pair of texts, the device half. Shapes: N examples, C labels."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from contract.ragged import Ragged
from infer.encoder import Encoded
from infer.folders.graph import LOGITS, TaskGraph
from infer.inference import Output
from infer.metrics.counts import ACCURACY, F1_BINARY, F1_MACRO, MATTHEWS, hits, most_frequent, right
from infer.metrics.metric import Metric, Statistics
from infer.outputs import Outputs, of_logits, one_hot
from infer.softmax import kl_divergence, softmax_of_list
from infer.tasks.settings import Settings as TaskSettings

METRICS: tuple[Metric, ...] = (ACCURACY, MATTHEWS, F1_BINARY, F1_MACRO)
REQUIRES = ("scipy",)
READS: Literal["first", "all"] = "first"
GRAPHS: Mapping[str, TaskGraph] = {"model": TaskGraph()}
CONSTANT = "the most frequent label"


class Settings(TaskSettings):
    """Classification: one of C labels for a text or a pair.

    Attributes:
        labels: the labels in the order of the logits.
    """

    kind: Literal["classification"] = "classification"
    labels: tuple[str, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The labels."""
        return self.labels


@dataclass(frozen=True, slots=True)
class Label:
    """The label of a text.

    Attributes:
        label: the most probable label.
        score: its probability.
        scores: the probability of each label, the most probable first.
    """

    label: str
    score: float
    scores: Mapping[str, float] = field(repr=False)


def settings(names: Sequence[str]) -> Settings:
    """Return the settings of a classifier with these labels."""
    return Settings(labels=tuple(names))


def decode(outputs: Outputs) -> NDArray[np.int64]:
    """Return the number of the predicted label of each example, shape (N,)."""
    numbers_N: NDArray[np.int64] = outputs.logits.values.argmax(axis=1).astype(np.int64)
    return numbers_N


def statistics(outputs: Outputs, labels: Ragged, settings: Settings) -> Mapping[str, Statistics]:
    """Return the statistics of each metric; F1 of the second label only if there are two labels."""
    answers_N, labels_N = decode(outputs), labels.values.astype(np.int64)
    counts_NK = hits(labels_N, answers_N, len(settings.labels))
    by_metric = {ACCURACY.name: right(labels_N, answers_N), MATTHEWS.name: counts_NK, F1_MACRO.name: counts_NK}
    return {**by_metric, F1_BINARY.name: counts_NK} if len(settings.labels) == 2 else by_metric


def constant(labels: Ragged, settings: Settings) -> Outputs:
    """Return the outputs of a model that always gives the most frequent label."""
    return of_logits(one_hot(most_frequent(labels.values), len(labels.values), len(settings.labels)))


def answer(output: Output, encoded: Encoded, settings: Settings) -> Label:
    """Return the label of a text."""
    scores = dict(zip(settings.labels, softmax_of_list(output[LOGITS][0].tolist()), strict=True))
    by_score = sorted(scores.items(), key=itemgetter(1), reverse=True)
    return Label(*by_score[0], scores=dict(by_score))


def agree(outputs: Outputs, reference: Outputs, labels: Ragged) -> NDArray[np.bool_]:
    """Return for each example whether both predict the same label, shape (N,)."""
    same_N: NDArray[np.bool_] = decode(outputs) == decode(reference)
    return same_N


def distance(outputs: Outputs, reference: Outputs, labels: Ragged) -> float:
    """Return the mean Kullback-Leibler divergence from the reference's probabilities, in nats."""
    return float(kl_divergence(outputs.logits.values, reference.logits.values).mean())

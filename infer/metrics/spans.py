"""Metrics of labelled spans, as seqeval counts them (the CoNLL evaluation). Shapes: N examples, K = 3 statistics.

The statistics of an example are counts of spans: hits, reference spans, predicted spans.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from contract.errors import needs_extra
from infer.metrics.counts import share
from infer.metrics.metric import Metric, Statistics


def hits(right_N: Sequence[Sequence[str]], answers_N: Sequence[Sequence[str]]) -> Statistics:
    """Return the statistics of precision, recall and F1, shape (N, 3).

    A hit has the right type and both ends. An I- tag that does not follow a span of its type begins one, as in the
    default mode of seqeval and in conlleval.

    Args:
        right_N, answers_N: reference and predicted tags of each example's words.
    """
    with needs_extra("report"):
        from seqeval.metrics.sequence_labeling import get_entities
    counts = []
    for right, answers in zip(right_N, answers_N, strict=True):
        true, answered = set(get_entities(list(right))), set(get_entities(list(answers)))
        counts.append((len(true & answered), len(true), len(answered)))
    return np.asarray(counts, dtype=np.float64).reshape(-1, 3)


def _f1(means_K: Statistics) -> NDArray[np.float64]:
    return share(2 * means_K[..., 0], means_K[..., 1] + means_K[..., 2])


F1 = Metric(
    name="f1",
    heading="F1",
    meaning="the harmonic mean of precision and recall of whole spans with their types",
    unit="%",
    digits=1,
    of_means=_f1,
)
PRECISION = Metric(
    name="precision",
    heading="Span precision",
    meaning="the share of predicted spans that are right",
    unit="%",
    digits=1,
    of_means=lambda means_K: share(means_K[..., 0], means_K[..., 2]),
)
RECALL = Metric(
    name="recall",
    heading="Span recall",
    meaning="the share of reference spans that are predicted",
    unit="%",
    digits=1,
    of_means=lambda means_K: share(means_K[..., 0], means_K[..., 1]),
)

"""Token classification: a tag for each word, such as the names in a text; the device half.

Shapes: N examples, L tokens of one example, C tags. The label of a word is at its first piece; other tokens are
UNLABELLED. The labels of words that were cut off follow those of the tokens; their predictions count as OUTSIDE.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from contract.ragged import Ragged
from infer.encoder import Encoded
from infer.folders.graph import LOGITS, TaskGraph
from infer.inference import Output
from infer.metrics.counts import most_frequent
from infer.metrics.metric import Metric, Statistics
from infer.metrics.spans import F1, PRECISION, RECALL, hits
from infer.outputs import UNLABELLED, Outputs, of_logits, one_hot
from infer.softmax import kl_divergence, softmax
from infer.tasks.settings import Settings as TaskSettings

METRICS: tuple[Metric, ...] = (F1, PRECISION, RECALL)
REQUIRES = ("seqeval",)
READS: Literal["first", "all"] = "all"
GRAPHS: Mapping[str, TaskGraph] = {"model": TaskGraph(by_token=True)}
CONSTANT = "the most frequent tag"
OUTSIDE = "O"
Aggregation = Literal["none", "simple", "first", "average", "max"]


class Settings(TaskSettings):
    """Token classification: one of C tags for each word.

    Attributes:
        tags: the tags in the order of the logits, such as O, B-PER, I-PER.
        aggregation: how the tags of pieces are combined to words and spans, as transformers' `aggregation_strategy`;
            models are trained for `first`.
    """

    kind: Literal["token_classification"] = "token_classification"
    tags: tuple[str, ...]
    aggregation: Aggregation = "first"

    @property
    def names(self) -> tuple[str, ...]:
        """The tags."""
        return self.tags


@dataclass(frozen=True, kw_only=True, slots=True)
class Entity:
    """A named entity in a text; the fields have the names of transformers' pipeline.

    Attributes:
        entity_group: type of the entity, such as PER; the whole tag if pieces are not aggregated.
        score: probability of the type, averaged over its words.
        word: the characters of the text.
        start, end: position in the text, in characters.
    """

    entity_group: str
    score: float
    word: str
    start: int
    end: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Pieces:
    """The tokens of one text.

    Attributes:
        text: the text.
        spans_L2: start and end of each token in the text, in characters.
        words_L: number of each token's word; -1 for special tokens.
    """

    text: str
    spans_L2: NDArray[np.int64]
    words_L: NDArray[np.int64]


def settings(names: Sequence[str]) -> Settings:
    """Return the settings of a model with these tags."""
    return Settings(tags=tuple(names))


def statistics(outputs: Outputs, labels: Ragged, settings: Settings) -> Mapping[str, Statistics]:
    """Return the counts of spans, which all metrics use."""
    right, answers = [], []
    for logits_LC, labels_L in zip(outputs.logits, labels, strict=True):
        positions = np.flatnonzero(labels_L != UNLABELLED)
        tags_L = [settings.tags[number] for number in logits_LC.argmax(axis=1)]
        right.append([settings.tags[number] for number in labels_L[positions]])
        answers.append([tags_L[position] if position < len(tags_L) else OUTSIDE for position in positions])
    counts_N3 = hits(right, answers)
    return {metric.name: counts_N3 for metric in METRICS}


def constant(labels: Ragged, settings: Settings) -> Outputs:
    """Return the outputs of a model that gives the most frequent tag to each word."""
    tag = most_frequent(labels.values[labels.values != UNLABELLED])
    return of_logits(replace(labels, values=one_hot(tag, len(labels.values), len(settings.tags))))


def answer(output: Output, encoded: Encoded, settings: Settings) -> list[Entity]:
    """Return the entities of a text."""
    pieces = Pieces(text=encoded.text, spans_L2=encoded.spans_L2, words_L=encoded.words_L)
    return entities(output[LOGITS], pieces, settings)


def agree(outputs: Outputs, reference: Outputs, labels: Ragged) -> NDArray[np.bool_]:
    """Return for each example whether both predict the same tag for each word, at its first piece, shape (N,)."""
    same = [
        bool((logits_WC.argmax(axis=1) == reference_WC.argmax(axis=1)).all())
        for logits_WC, reference_WC in zip(_by_word(outputs, labels), _by_word(reference, labels), strict=True)
    ]
    return np.asarray(same, dtype=np.bool_)


def distance(outputs: Outputs, reference: Outputs, labels: Ragged) -> float:
    """Return the mean Kullback-Leibler divergence from the reference's probabilities over first pieces, in nats."""
    logits_WC, reference_WC = (np.concatenate(list(_by_word(side, labels))) for side in (outputs, reference))
    return float(kl_divergence(logits_WC, reference_WC).mean()) if len(logits_WC) else 0.0


def _by_word(outputs: Outputs, labels: Ragged) -> Iterator[NDArray[np.float32]]:
    """Yield for each example the logits of its W words that were not cut off, at their first pieces, shape (W, C)."""
    for logits_LC, labels_L in zip(outputs.logits, labels, strict=True):
        yield logits_LC[np.flatnonzero(labels_L[: len(logits_LC)] != UNLABELLED)]


def entities(logits_LC: NDArray[np.float32], pieces: Pieces, settings: Settings) -> list[Entity]:
    """Return the entities of a text, the same as those of transformers' pipeline with this aggregation.

    Args:
        logits_LC: logits of each token.
        pieces: the tokens.
        settings: tags and aggregation.
    """
    tagged = list(_tagged(softmax(logits_LC), pieces, settings))
    if settings.aggregation == "none":
        return [_joined([piece], pieces.text, piece.tag) for piece in tagged if piece.tag != OUTSIDE]
    groups: list[list[_Tagged]] = []
    for part in tagged:
        begins, kind = _split_tag(part.tag)
        if groups and not begins and kind == _split_tag(groups[-1][-1].tag)[1]:
            groups[-1].append(part)
        else:
            groups.append([part])
    spans = [_joined(group, pieces.text, _split_tag(group[0].tag)[1]) for group in groups]
    return [entity for entity in spans if entity.entity_group != OUTSIDE]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Tagged:
    """A piece or a word with its tag."""

    tag: str
    score: float
    start: int
    end: int


def _tagged(probabilities_LC: NDArray[np.float64], pieces: Pieces, settings: Settings) -> Iterator[_Tagged]:
    """Yield the pieces, or the words if pieces are aggregated, with their tags."""
    positions = np.flatnonzero(pieces.words_L >= 0).tolist()
    by_piece = settings.aggregation in ("none", "simple")
    grouped = ([position] for position in positions) if by_piece else _words(positions, pieces)
    for group in grouped:
        scores_C = _of_word(probabilities_LC[group], settings.aggregation)
        number = int(scores_C.argmax())
        yield _Tagged(
            tag=settings.tags[number],
            score=float(scores_C[number]),
            start=int(pieces.spans_L2[group[0], 0]),
            end=int(pieces.spans_L2[group[-1], 1]),
        )


def _words(positions: Sequence[int], pieces: Pieces) -> Iterator[list[int]]:
    for _, group in groupby(positions, key=lambda position: int(pieces.words_L[position])):
        yield list(group)


def _of_word(probabilities_PC: NDArray[np.float64], aggregation: Aggregation) -> NDArray[np.float64]:
    """Return the probabilities of a word of P pieces."""
    if aggregation == "average":
        mean_C: NDArray[np.float64] = probabilities_PC.mean(axis=0)
        return mean_C
    if aggregation == "max":
        most_certain_C: NDArray[np.float64] = probabilities_PC[probabilities_PC.max(axis=1).argmax()]
        return most_certain_C
    first_C: NDArray[np.float64] = probabilities_PC[0]
    return first_C


def _split_tag(tag: str) -> tuple[bool, str]:
    """Return whether a tag begins an entity, and the entity's type; a tag without a prefix continues its type."""
    prefix, dash, kind = tag.partition("-")
    return (prefix == "B", kind) if dash and prefix in ("B", "I") else (False, tag)


def _joined(group: Sequence[_Tagged], text: str, kind: str) -> Entity:
    start, end = group[0].start, group[-1].end
    score = float(np.mean([part.score for part in group]))
    return Entity(entity_group=kind, score=score, word=text[start:end], start=start, end=end)

"""Token classification: a tag for each word, such as the names in a text; what a device needs.

Shapes: N examples, L tokens of one of them, C tags. A label stands at the first piece of a word; other tokens have
UNLABELLED. Labels of words that were cut off stand behind the tokens and count as answered with no name.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from contract.ragged import Ragged
from infer.encoder import Encoded
from infer.folders.graph import LOGITS
from infer.inference import Output
from infer.metrics.metric import Metric, Statistics
from infer.metrics.spans import F1, PRECISION, RECALL, hits
from infer.outputs import UNLABELLED, Outputs
from infer.softmax import divergence, softmax
from infer.tasks.settings import Settings as TaskSettings

METRICS: tuple[Metric, ...] = (F1, PRECISION, RECALL)
REQUIRES = ("seqeval",)
READS: Literal["first", "all"] = "all"
OUTSIDE = "O"
Aggregation = Literal["none", "simple", "first", "average", "max"]


class Settings(TaskSettings):
    """Token classification: one of some tags for each word.

    Attributes:
        tags: by number, such as O, B-PER, I-PER.
        aggregation: how the tags of pieces become those of words and spans, by the names of transformers'
            `aggregation_strategy`; `first` is what the models are trained for.
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
    """A name in a text; the fields are called as in transformers' pipeline.

    Attributes:
        entity_group: What it names, such as PER; the whole tag where pieces are not aggregated.
        score: The probability of that, its mean over the words.
        word: The characters as the text has them.
        start, end: Where they are in the text, in characters.
    """

    entity_group: str
    score: float
    word: str
    start: int
    end: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Pieces:
    """The tokens of one text, as its tokenizer cut it.

    Attributes:
        text: the text.
        spans_L2: where each token stands in the text, in characters.
        words_L: the number of each token's word; -1 for tokens that are no text.
    """

    text: str
    spans_L2: NDArray[np.int64]
    words_L: NDArray[np.int64]


def settings(names: Sequence[str]) -> Settings:
    """Return the settings of a model with these tags."""
    return Settings(tags=tuple(names))


def statistics(outputs: Outputs, labels: Ragged, settings: Settings) -> Mapping[str, Statistics]:
    """Return the counts of spans, which all metrics are made of."""
    right, answers = [], []
    for logits_LC, labels_L in zip(outputs.logits, labels, strict=True):
        places = np.flatnonzero(labels_L != UNLABELLED)
        numbers_L = logits_LC.argmax(axis=1)
        right.append([settings.tags[number] for number in labels_L[places]])
        answers.append([settings.tags[numbers_L[place]] if place < len(numbers_L) else OUTSIDE for place in places])
    counts_N3 = hits(right, answers)
    return {metric.name: counts_N3 for metric in METRICS}


def answer(output: Output, encoded: Encoded, settings: Settings) -> list[Entity]:
    """Return the entities of a text."""
    pieces = Pieces(text=encoded.text, spans_L2=encoded.spans_L2, words_L=encoded.words_L)
    return entities(output[LOGITS], pieces, settings)


def agree(outputs: Outputs, reference: Outputs) -> NDArray[np.bool_]:
    """Tell of each example whether both give the same tag to each token between the first and the last."""
    same = [
        bool((own_LC.argmax(axis=1) == other_LC.argmax(axis=1))[1:-1].all())
        for own_LC, other_LC in zip(outputs.logits, reference.logits, strict=True)
    ]
    return np.asarray(same, dtype=np.bool_)


def distance(outputs: Outputs, reference: Outputs) -> float:
    """Return the mean over tokens of the Kullback-Leibler divergence from the reference's probabilities, in nats."""
    return float(divergence(outputs.logits.values, reference.logits.values).mean())


def entities(logits_LC: NDArray[np.float32], pieces: Pieces, settings: Settings) -> list[Entity]:
    """Return the entities of a text, as transformers' pipeline of the same aggregation finds them.

    Args:
        logits_LC: of each token.
        pieces: the tokens.
        settings: tags and aggregation.
    """
    tagged = list(_tagged(softmax(logits_LC), pieces, settings))
    if settings.aggregation == "none":
        return [_joined([one], pieces.text, one.tag) for one in tagged if one.tag != OUTSIDE]
    groups: list[list[_Tagged]] = []
    for one in tagged:
        begins, kind = _parted(one.tag)
        if groups and not begins and kind == _parted(groups[-1][-1].tag)[1]:
            groups[-1].append(one)
        else:
            groups.append([one])
    found = [_joined(group, pieces.text, _parted(group[0].tag)[1]) for group in groups]
    return [entity for entity in found if entity.entity_group != OUTSIDE]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Tagged:
    """A piece or a word with its tag."""

    tag: str
    score: float
    start: int
    end: int


def _tagged(probabilities_LC: NDArray[np.float64], pieces: Pieces, settings: Settings) -> Iterator[_Tagged]:
    """Give the pieces, or the words where they are aggregated, with their tags."""
    places = np.flatnonzero(pieces.words_L >= 0).tolist()
    by_piece = settings.aggregation in ("none", "simple")
    grouped = ([place] for place in places) if by_piece else _words(places, pieces)
    for group in grouped:
        scores_C = _of_word(probabilities_LC[group], settings.aggregation)
        number = int(scores_C.argmax())
        yield _Tagged(
            tag=settings.tags[number],
            score=float(scores_C[number]),
            start=int(pieces.spans_L2[group[0], 0]),
            end=int(pieces.spans_L2[group[-1], 1]),
        )


def _words(places: Sequence[int], pieces: Pieces) -> Iterator[list[int]]:
    for _, group in groupby(places, key=lambda place: int(pieces.words_L[place])):
        yield list(group)


def _of_word(probabilities_PC: NDArray[np.float64], aggregation: Aggregation) -> NDArray[np.float64]:
    """Return the probabilities of a word of P pieces."""
    if aggregation == "average":
        mean_C: NDArray[np.float64] = probabilities_PC.mean(axis=0)
        return mean_C
    if aggregation == "max":
        surest_C: NDArray[np.float64] = probabilities_PC[probabilities_PC.max(axis=1).argmax()]
        return surest_C
    first_C: NDArray[np.float64] = probabilities_PC[0]
    return first_C


def _parted(tag: str) -> tuple[bool, str]:
    """Return whether a tag begins an entity, and the entity's type; a tag without a prefix goes on with its type."""
    prefix, dash, kind = tag.partition("-")
    return (prefix == "B", kind) if dash and prefix in ("B", "I") else (False, tag)


def _joined(group: Sequence[_Tagged], text: str, kind: str) -> Entity:
    start, end = group[0].start, group[-1].end
    score = float(np.mean([one.score for one in group]))
    return Entity(entity_group=kind, score=score, word=text[start:end], start=start, end=end)

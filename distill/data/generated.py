"""Sentiment sentences generated from a seeded grammar, to try the whole tool without a download.

Each sentence contains opinions, mostly of both sentiments; its label is the sentiment of the main clause. A conjunction
(`but`, `although`) marks the main clause, a negation reverses an opinion, an intensifier strengthens it or, like
`hardly`, reverses it, and a distractor is about something else, so a bag of words is not enough. Validation sentences
also use opinion words that never occur in training, so that the encoder's prior knowledge counts there.
"""

import random
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from distill.data.rows import Rows, labelled

LABEL_NAMES = ("negative", "positive")
SUBJECTS = (
    "film", "novel", "restaurant", "hotel", "phone", "laptop", "concert", "museum", "play", "album", "game", "camera",
    "course", "recipe", "bakery", "train", "garden", "podcast", "series", "bicycle", "keyboard", "kettle", "lecture",
)  # fmt: skip
PARTS = (
    "story", "service", "sound", "design", "price", "staff", "ending", "screen", "menu", "view", "pace", "music",
    "cast", "layout", "battery", "atmosphere", "finish", "opening", "writing", "taste", "colour", "texture", "lighting",
)  # fmt: skip
# Opinion words of all splits; the UNSEEN ones occur in validation sentences only.
GOOD = (
    "good", "great", "wonderful", "charming", "delightful", "superb", "brilliant", "pleasant", "lovely", "impressive",
    "excellent", "moving", "clever", "fresh",
)  # fmt: skip
BAD = (
    "bad", "awful", "terrible", "dull", "boring", "poor", "clumsy", "unpleasant", "ugly", "disappointing",
    "dreadful", "tedious", "stupid", "stale",
)  # fmt: skip
UNSEEN_GOOD = (
    "elegant",
    "satisfying",
    "graceful",
    "warm",
    "funny",
    "memorable",
    "splendid",
    "gripping",
    "refined",
    "inspired",
)
UNSEEN_BAD = (
    "crude",
    "frustrating",
    "awkward",
    "cold",
    "bland",
    "forgettable",
    "shabby",
    "lifeless",
    "irritating",
    "vile",
)
UNSEEN_SHARE = 0.4
INTENSIFIERS = ("very", "really", "quite", "truly", "rather", "remarkably", "utterly", "so")
REVERSING = ("hardly", "not", "never", "not at all", "anything but", "far from", "not even remotely", "scarcely")
OTHERS = (
    "my brother",
    "the neighbour",
    "a colleague",
    "the man beside us",
    "our guide",
    "the driver",
    "her aunt",
    "the reviewer",
)
ASIDES = ("the weather was {}", "the journey there had been {}", "the week before had been {}", "{} news came that day")
MAIN_LAST = (
    "{other}, but {main}",
    "{other}; still, {main}",
    "although {other}, {main}",
    "{other}, yet in the end {main}",
)
MAIN_FIRST = ("{main}, although {other}", "{main}, even if {other}", "{main}, despite the fact that {other}")


def generate(rows: Mapping[str, int], seed: int) -> dict[str, Rows]:
    """Generate splits of distinct sentences, half of each label.

    Args:
        rows: number of sentences by split; all splits but `train` also use the unseen opinion words.
        seed: the same seed gives the same sentences.

    Returns:
        Rows by split; label 0 is negative, 1 positive. No sentence occurs twice, within a split or across splits.
    """
    rng = random.Random(seed)
    used: set[str] = set()
    splits = {}
    for split, count in rows.items():
        generator = SentenceGenerator(rng, unseen_share=0.0 if split == "train" else UNSEEN_SHARE)
        texts = _distinct(generator, count, used)
        labels = [row % 2 for row in range(count)]
        splits[split] = labelled(texts, None, np.asarray(labels, dtype=np.int64))
    return splits


def _distinct(generator: "SentenceGenerator", count: int, used: set[str]) -> tuple[str, ...]:
    texts: list[str] = []
    while len(texts) < count:
        text = generator.sentence(positive=len(texts) % 2 == 1)
        if text not in used:
            used.add(text)
            texts.append(text)
    return tuple(texts)


@dataclass(frozen=True, slots=True)
class SentenceGenerator:
    """Generates sentences.

    Attributes:
        rng: random number generator.
        unseen_share: share of opinion words that do not occur in training.
    """

    rng: random.Random
    unseen_share: float

    def sentence(self, *, positive: bool) -> str:
        """Join the main clause with another clause, mostly of the opposite sentiment."""
        main = self._clause(positive=positive)
        other_positive = positive if self.rng.random() < 0.2 else not positive
        if self.rng.random() < 0.35:
            return f"{self._aside(positive=other_positive)}, and {main} ."
        frame = self.rng.choice(MAIN_LAST + MAIN_FIRST)
        return f"{frame.format(main=main, other=self._clause(positive=other_positive))} ."

    def _clause(self, *, positive: bool) -> str:
        whole = self.rng.choice(SUBJECTS)
        subject = f"the {self.rng.choice(PARTS)} of the {whole}" if self.rng.random() < 0.5 else f"this {whole}"
        return f"{subject} was {self._opinion(positive=positive)}"

    def _opinion(self, *, positive: bool) -> str:
        if self.rng.random() < 0.5:
            return f"{self.rng.choice(REVERSING)} {self._word(positive=not positive)}"
        strength = f"{self.rng.choice(INTENSIFIERS)} " if self.rng.random() < 0.5 else ""
        return f"{strength}{self._word(positive=positive)}"

    def _aside(self, *, positive: bool) -> str:
        """Return a clause about something else, whose sentiment does not count."""
        word = self._word(positive=positive)
        if self.rng.random() < 0.5:
            return f"{self.rng.choice(OTHERS)} can be {word}"
        return self.rng.choice(ASIDES).format(word)

    def _word(self, *, positive: bool) -> str:
        if self.rng.random() < self.unseen_share:
            return self.rng.choice(UNSEEN_GOOD if positive else UNSEEN_BAD)
        return self.rng.choice(GOOD if positive else BAD)

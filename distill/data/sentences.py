"""Sentiment sentences from a seeded grammar: enough to try the whole tool without any download.

Each sentence holds opinions, mostly of both sentiments; its label is that of the clause that counts. Contrast (`but`,
`although`) says which clause counts, a negation turns an opinion round, an intensifier strengthens it or, like
`hardly`, turns it, and a distractor speaks of something else. So a bag of words knows little. Validation sentences
also hold opinions that no training sentence does, so what counts there is what the encoder knew before.
"""

import random
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from distill.data.rows import Rows, labelled

SUBJECTS = (
    "film", "novel", "restaurant", "hotel", "phone", "laptop", "concert", "museum", "play", "album", "game", "camera",
    "course", "recipe", "bakery", "train", "garden", "podcast", "series", "bicycle", "keyboard", "kettle", "lecture",
)  # fmt: skip
PARTS = (
    "story", "service", "sound", "design", "price", "staff", "ending", "screen", "menu", "view", "pace", "music",
    "cast", "layout", "battery", "atmosphere", "finish", "opening", "writing", "taste", "colour", "texture", "lighting",
)  # fmt: skip
# Opinions of training and validation sentences, and those of validation sentences only.
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
STRONGER = ("very", "really", "quite", "truly", "rather", "remarkably", "utterly", "so")
TURNING = ("hardly", "not", "never", "not at all", "anything but", "far from", "not even remotely", "scarcely")
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
COUNTING_LAST = (
    "{other}, but {counts}",
    "{other}; still, {counts}",
    "although {other}, {counts}",
    "{other}, yet in the end {counts}",
)
COUNTING_FIRST = ("{counts}, although {other}", "{counts}, even if {other}", "{counts}, despite the fact that {other}")


def generate(rows: Mapping[str, int], seed: int) -> dict[str, Rows]:
    """Generate splits of distinct sentences, half of each label.

    Args:
        rows: sentences of each split; all but the split `train` draw on unseen opinions too.
        seed: the same seed gives the same sentences.

    Returns:
        Rows by split; label 0 is negative, 1 positive. No sentence stands twice, in one split or in two.
    """
    chance = random.Random(seed)
    seen: set[str] = set()
    found = {}
    for split, count in rows.items():
        writer = Writer(chance, unseen_share=0.0 if split == "train" else UNSEEN_SHARE)
        texts = _distinct(writer, count, seen)
        labels = [row % 2 for row in range(count)]
        found[split] = labelled(texts, None, np.asarray(labels, dtype=np.int64))
    return found


def _distinct(writer: "Writer", count: int, seen: set[str]) -> tuple[str, ...]:
    texts: list[str] = []
    while len(texts) < count:
        text = writer.sentence(positive=len(texts) % 2 == 1)
        if text not in seen:
            seen.add(text)
            texts.append(text)
    return tuple(texts)


@dataclass(frozen=True, slots=True)
class Writer:
    """Writes sentences.

    Attributes:
        chance: where every choice is from.
        unseen_share: how often an opinion is one that no training sentence holds.
    """

    chance: random.Random
    unseen_share: float

    def sentence(self, *, positive: bool) -> str:
        """Join the clause that counts with one that does not, mostly of the other sentiment."""
        counts = self._clause(positive=positive)
        other_positive = positive if self.chance.random() < 0.2 else not positive
        if self.chance.random() < 0.35:
            return f"{self._aside(positive=other_positive)}, and {counts} ."
        frame = self.chance.choice(COUNTING_LAST + COUNTING_FIRST)
        return f"{frame.format(counts=counts, other=self._clause(positive=other_positive))} ."

    def _clause(self, *, positive: bool) -> str:
        whole = self.chance.choice(SUBJECTS)
        subject = f"the {self.chance.choice(PARTS)} of the {whole}" if self.chance.random() < 0.5 else f"this {whole}"
        return f"{subject} was {self._opinion(positive=positive)}"

    def _opinion(self, *, positive: bool) -> str:
        if self.chance.random() < 0.5:
            return f"{self.chance.choice(TURNING)} {self._word(positive=not positive)}"
        strength = f"{self.chance.choice(STRONGER)} " if self.chance.random() < 0.5 else ""
        return f"{strength}{self._word(positive=positive)}"

    def _aside(self, *, positive: bool) -> str:
        """Say something of another matter: its sentiment does not count."""
        word = self._word(positive=positive)
        if self.chance.random() < 0.5:
            return f"{self.chance.choice(OTHERS)} can be {word}"
        return self.chance.choice(ASIDES).format(word)

    def _word(self, *, positive: bool) -> str:
        if self.chance.random() < self.unseen_share:
            return self.chance.choice(UNSEEN_GOOD if positive else UNSEEN_BAD)
        return self.chance.choice(GOOD if positive else BAD)

"""New texts from a text and the candidates of its words."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from distill.augment.candidates import Choice
from distill.data.rows import Rows
from distill.recipe.augmentation import Augmentation


@dataclass(frozen=True, slots=True)
class NewRow:
    """A new row.

    Attributes:
        source: number of the row it was made from.
        text: its text.
        pair: its second text; None for single texts.
    """

    source: int
    text: str
    pair: str | None


def most_new_rows(settings: Augmentation, rows: Rows) -> int:
    """Return how many new rows there may be at most."""
    texts = 1 if rows.pairs is None else 2
    return texts * settings.samples_per_sentence * len(rows)


def new_rows(rows: Rows, choices: Mapping[str, Sequence[Choice]], settings: Augmentation, seed: int) -> list[NewRow]:
    """Draw the new rows, in the order of the rows they are made from.

    Args:
        rows: N rows.
        choices: the candidates of the words of each text.
        settings: the recipe's section.
        seed: of the draws.
    """
    chance = random.Random(seed)
    pairs = rows.pairs or (None,) * len(rows)
    seen = set(zip(rows.texts, pairs, strict=True))
    found = []
    for source, (text, pair) in enumerate(zip(rows.texts, pairs, strict=True)):
        drawn = [(new, pair) for new in _samples(text, choices[text], settings, chance)]
        if pair is not None:
            drawn += [(text, new) for new in _samples(pair, choices[pair], settings, chance)]
        for new in drawn:
            if new not in seen:
                seen.add(new)
                found.append(NewRow(source, *new))
    return found


def _samples(text: str, choices: Sequence[Choice], settings: Augmentation, chance: random.Random) -> list[str]:
    return [draw(text, choices, settings.replace_probability, chance) for _ in range(settings.samples_per_sentence)]


def draw(text: str, choices: Sequence[Choice], probability: float, chance: random.Random) -> str:
    """Draw one new text: each word is replaced with probability p by one of its candidates.

    Jiao et al., TinyBERT, Algorithm 1, lines 11 to 14. All that is not a replaced word stays as it was, spaces too.

    Args:
        text: the text.
        choices: its words, in their order.
        probability: p.
        chance: where the draw is from.
    """
    parts = []
    place = 0
    for choice in choices:
        if chance.random() < probability:
            parts += [text[place : choice.word.start], in_case_of(choice.word.text, chance.choice(choice.candidates))]
            place = choice.word.end
    return "".join([*parts, text[place:]])


def in_case_of(word: str, candidate: str) -> str:
    """Return a candidate with a capital where the word has one; what is written in capitals by itself stays so."""
    if len(word) > 1 and word.isupper():
        return candidate.upper()
    if word[:1].isupper():
        return candidate[:1].upper() + candidate[1:]
    return candidate

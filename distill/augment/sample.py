"""Sample new texts: replace words of a text by their candidates at random."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from distill.augment.candidates import WordCandidates
from distill.data.rows import Rows
from distill.recipe.augmentation import Augmentation


@dataclass(frozen=True, slots=True)
class NewRow:
    """A new row.

    Attributes:
        source: index of the source row.
        text: the text.
        pair: the second text; None for single texts.
    """

    source: int
    text: str
    pair: str | None


def max_new_rows(settings: Augmentation, rows: Rows) -> int:
    """Return an upper bound for the number of new rows."""
    texts_per_row = 1 if rows.pairs is None else 2
    return texts_per_row * settings.samples_per_sentence * len(rows)


def sample_rows(
    rows: Rows, candidates: Mapping[str, Sequence[WordCandidates]], settings: Augmentation, seed: int
) -> list[NewRow]:
    """Sample new rows, in the order of their source rows.

    Args:
        rows: N rows.
        candidates: replaceable words by text.
        settings: the recipe's [augmentation] section.
        seed: seed for the samples.
    """
    rng = random.Random(seed)
    pairs = rows.pairs or (None,) * len(rows)
    used = set(zip(rows.texts, pairs, strict=True))
    new_rows = []
    for source, (text, pair) in enumerate(zip(rows.texts, pairs, strict=True)):
        sampled = [(new, pair) for new in _samples(text, candidates[text], settings, rng)]
        if pair is not None:
            sampled += [(text, new) for new in _samples(pair, candidates[pair], settings, rng)]
        for new in sampled:
            if new not in used:
                used.add(new)
                new_rows.append(NewRow(source, *new))
    return new_rows


def _samples(text: str, words: Sequence[WordCandidates], settings: Augmentation, rng: random.Random) -> list[str]:
    return [sample_text(text, words, settings.replace_probability, rng) for _ in range(settings.samples_per_sentence)]


def sample_text(text: str, words: Sequence[WordCandidates], probability: float, rng: random.Random) -> str:
    """Return the text with each word replaced by one of its candidates with probability p.

    Jiao et al., TinyBERT, Algorithm 1, lines 11 to 14. Everything else stays unchanged, including spaces.

    Args:
        text: the text.
        words: replaceable words, in text order.
        probability: p.
        rng: random number generator.
    """
    parts = []
    end = 0
    for replaceable in words:
        if rng.random() < probability:
            word = replaceable.word
            parts += [text[end : word.start], match_case(word.text, rng.choice(replaceable.candidates))]
            end = word.end
    return "".join([*parts, text[end:]])


def match_case(word: str, candidate: str) -> str:
    """Return the candidate with capitals where the word has them; the candidate's own capitals are kept."""
    if len(word) > 1 and word.isupper():
        return candidate.upper()
    if word[:1].isupper():
        return candidate[:1].upper() + candidate[1:]
    return candidate

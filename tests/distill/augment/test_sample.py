"""New texts sampled from candidates."""

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from distill.augment.candidates import WordCandidates
from distill.augment.sample import match_case, sample_rows, sample_text
from distill.augment.words import Word, words_of
from distill.data.rows import labelled
from distill.recipe.augmentation import Augmentation


@pytest.mark.parametrize(
    ("word", "candidate", "expected"),
    [
        ("Good", "fine", "Fine"),
        ("GOOD", "fine", "FINE"),
        ("good", "Paris", "Paris"),
        ("A", "one", "One"),
        ("好", "坏", "坏"),
    ],
)
def test_case(word: str, candidate: str, expected: str) -> None:
    assert match_case(word, candidate) == expected


@given(st.text(max_size=40), st.integers(0, 2**32 - 1), st.sampled_from([0.4, 1.0]))
def test_only_words_change(text: str, seed: int, probability: float) -> None:
    words = words_of(text, "character", keep_function_words=True)
    choices = [WordCandidates(word, ("§",)) for word in words]
    new = sample_text(text, choices, probability, random.Random(seed))
    outside = [text[previous.end : word.start] for previous, word in zip((Word(0, 0, ""), *words), words, strict=False)]
    assert all(part in new for part in outside)
    assert probability < 1 or new.count("§") == text.count("§") + len(words)


def test_words_are_replaced_with_probability_p() -> None:
    text = "film " * 2_000
    choices = [WordCandidates(word, ("movie",)) for word in words_of(text, "word", keep_function_words=True)]
    assert 700 < sample_text(text, choices, 0.4, random.Random(0)).count("movie") < 900


def test_only_one_text_of_a_pair_changes(augmentation: Augmentation) -> None:
    rows = labelled(("good film", "fine film"), ("bad plot", "good film"), np.arange(2))
    choices = {
        text: [WordCandidates(word, ("X", "Y", "Z")) for word in words_of(text, "word", keep_function_words=True)]
        for text in (*rows.texts, *(rows.pairs or ()))
    }
    new_rows = sample_rows(rows, choices, augmentation, seed=0)
    assert {row.source for row in new_rows} == {0, 1}
    for row in new_rows:
        assert rows.pairs is not None
        assert (row.text == rows.texts[row.source]) != (row.pair == rows.pairs[row.source])
    assert {row.text == rows.texts[row.source] for row in new_rows} == {True, False}

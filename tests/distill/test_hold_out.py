"""Rows held out of the training split: no shared texts, labels in proportion."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.errors import InputError
from distill.data.hold_out import hold_out
from distill.data.rows import labelled


@given(
    labels=st.lists(st.integers(0, 2), min_size=1, max_size=200),
    repeats=st.integers(1, 3),
    seed=st.integers(0, 2**32 - 1),
)
def test_no_held_out_text_is_trained_on(labels: list[int], repeats: int, seed: int) -> None:
    labels = [0, 0, 1, 1, 2, 2, *labels]
    texts = tuple(f"text {number}" for number in range(len(labels)))
    rows = labelled(texts * repeats, None, np.asarray(labels * repeats))
    splits = hold_out(rows, "classification", seed)
    assert not set(splits.train.texts) & set(splits.validation.texts)
    assert sorted(splits.train.texts + splits.validation.texts) == sorted(rows.texts)
    held_out = max(3, round(0.1 * len(labels)))
    assert len(set(splits.validation.texts)) == held_out
    for label in range(3):
        share = held_out * labels.count(label) / len(labels)
        assert abs((splits.validation.labels_N == label).sum() / repeats - share) < 1
    assert set(splits.train.labels_N.tolist()) == set(labels)
    again = hold_out(rows, "classification", seed)
    assert again.validation.texts == splits.validation.texts


def test_a_label_with_one_text_cannot_be_held_out() -> None:
    rows = labelled(("a", "b", "c"), None, np.asarray([0, 0, 1]))
    with pytest.raises(InputError, match="held out of the training split: only one text has label number 1: give"):
        hold_out(rows, "classification", 0)

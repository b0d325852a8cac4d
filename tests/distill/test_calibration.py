"""Calibration sentences: they cover every label and length, and exclude validation sentences."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.errors import InputError
from contract.tokens import from_rows
from distill.data.calibration import choose_calibration, special_ids
from distill.data.tokenise import load_tokenizer


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(1, 40)), min_size=2, max_size=60), st.integers(1, 80))
def test_labels_and_lengths_are_in_proportion(rows: list[tuple[int, int]], sentences: int) -> None:
    # The first id identifies the row.
    train = from_rows([[row, *[7] * length] for row, (_, length) in enumerate(rows)], [[0] * (n + 1) for _, n in rows])
    labels_N = np.array([label for label, _ in rows])
    chosen = choose_calibration(train, labels_N, from_rows([[99]], [[0]]), special_ids=(), sentences=sentences, seed=0)
    chosen_rows = [int(chosen.row_ids(row)[0]) for row in range(len(chosen))]
    assert len(set(chosen_rows)) == len(chosen_rows) == min(sentences, len(rows))
    for label in range(3):
        share = (labels_N == label).mean() * len(chosen_rows)
        # At both ends of a label, a part of the order may contain two labels.
        assert abs((labels_N[chosen_rows] == label).sum() - share) < 2


def test_scores_are_spread_by_length() -> None:
    lengths = list(range(1, 41))
    train = from_rows([[7] * length for length in lengths], [[0] * length for length in lengths])
    scores_N = np.linspace(0, 5, 40).astype(np.float32)
    chosen = choose_calibration(train, scores_N, from_rows([[99]], [[0]]), special_ids=(), sentences=4, seed=0)
    assert [(length - 1) // 10 for length in chosen.lengths] == [0, 1, 2, 3]


def test_validation_sentences_are_left_out() -> None:
    train = from_rows([[5, 6], [7, 8]], [[0, 0], [0, 0]])
    chosen = choose_calibration(
        train, np.array([0, 1]), from_rows([[5, 6]], [[0, 0]]), special_ids=(), sentences=2, seed=0
    )
    assert chosen.ids_T.tolist() == [7, 8]


def test_sentences_of_special_tokens_alone_are_left_out(encoder_folder: Path) -> None:
    special = special_ids(load_tokenizer(encoder_folder))
    train = from_rows([[2, 3], [2, 1, 3], [2, 0, 3]], [[0, 0], [0] * 3, [0] * 3])
    validation = from_rows([[2, 5, 3]], [[0] * 3])
    chosen = choose_calibration(train, np.array([0, 1, 0]), validation, special_ids=special, sentences=3, seed=0)
    assert chosen.ids_T.tolist() == [2, 1, 3]  # an unknown word is text
    with pytest.raises(InputError, match="or contains no text"):
        choose_calibration(train.take([0, 2]), np.array([0, 1]), validation, special_ids=special, sentences=3, seed=0)

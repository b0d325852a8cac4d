"""Calibration sentences: of every label and length, none that is evaluated on."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from contract.tokens import from_rows
from distill.data.calibration import calibration


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(1, 40)), min_size=2, max_size=60), st.integers(1, 80))
def test_labels_and_lengths_are_in_proportion(rows: list[tuple[int, int]], sentences: int) -> None:
    # The first id names the row, so that a chosen sentence can be found again.
    train = from_rows(
        [[place, *[7] * length] for place, (_, length) in enumerate(rows)], [[0] * (n + 1) for _, n in rows]
    )
    labels_N = np.array([label for label, _ in rows])
    found = calibration(train, labels_N, from_rows([[99]], [[0]]), sentences=sentences, seed=0)
    chosen = [int(found.row_ids(row)[0]) for row in range(len(found))]
    assert len(set(chosen)) == len(chosen) == min(sentences, len(rows))
    for label in range(3):
        share = (labels_N == label).mean() * len(chosen)
        assert abs((labels_N[chosen] == label).sum() - share) <= 1


def test_scores_are_spread_by_length() -> None:
    lengths = list(range(1, 41))
    train = from_rows([[7] * length for length in lengths], [[0] * length for length in lengths])
    scores_N = np.linspace(0, 5, 40).astype(np.float32)
    found = calibration(train, scores_N, from_rows([[99]], [[0]]), sentences=4, seed=0)
    assert [(length - 1) // 10 for length in found.lengths] == [0, 1, 2, 3]


def test_validated_sentences_are_left_out() -> None:
    train = from_rows([[5, 6], [7, 8]], [[0, 0], [0, 0]])
    found = calibration(train, np.array([0, 1]), from_rows([[5, 6]], [[0, 0]]), sentences=2, seed=0)
    assert found.ids_T.tolist() == [7, 8]

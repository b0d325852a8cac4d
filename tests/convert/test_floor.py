"""Floors: how they are written, and when they are surely reached or missed."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.errors import InputError
from convert.tune.floor import Floor, Outcome, outcome, parse


@pytest.mark.parametrize(
    ("text", "floor"),
    [
        ("teacher-1.0", Floor(reference="teacher", points=1.0)),
        ("Student - 0.3", Floor(reference="student", points=0.3)),
        ("teacher", Floor(reference="teacher", points=0.0)),
        ("88.5", Floor(reference="", points=88.5)),
    ],
)
def test_floors_are_read(text: str, floor: Floor) -> None:
    assert parse(text) == floor
    assert parse(str(floor)) == floor


@pytest.mark.parametrize("text", ["", "teacher+1", "techer-1", "0.88", "101", "-3", "teacher--1", "teacher-150"])
def test_what_is_no_floor_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="write it as teacher"):
        parse(text)


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=300), st.floats(0, 0.1))
def test_what_is_sure_agrees_with_what_was_seen(answers: Sequence[tuple[bool, bool]], margin: float) -> None:
    right_N = np.array([own for own, _ in answers])
    reference_N = np.array([theirs for _, theirs in answers])
    found = outcome(right_N, reference_N, margin, looks=3)
    drop = float(reference_N.mean() - right_N.mean())
    assert found is not Outcome.MET or drop <= margin
    assert found is not Outcome.MISSED or drop > margin
    assert found is not Outcome.MISSED or outcome(right_N, reference_N, margin, looks=1) is Outcome.MISSED


@pytest.mark.parametrize(("loss", "margin"), [(0.04, 0.01), (0.0, 0.03)])
def test_the_sequential_test_is_seldom_wrong(loss: float, margin: float) -> None:
    """Over all looks, at most one search in twenty may end with an answer that the whole would not give."""
    generator = np.random.default_rng(0)
    wrong = 0
    for _ in range(400):
        reference_N = generator.random(436) < 0.9
        right_N = reference_N & ~(generator.random(436) < loss)
        truth = Outcome.MET if loss * 0.9 <= margin else Outcome.MISSED
        for count in (109, 218):
            found = outcome(right_N[:count], reference_N[:count], margin, looks=3)
            if found is not Outcome.OPEN:
                wrong += found is not truth
                break
    assert wrong <= 20

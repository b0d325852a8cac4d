"""Floors: how they are written, which students can share one, and when they are surely reached or missed."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.errors import InputError
from convert.tune.entrant import Entrant, check_comparable, load_entrant
from convert.tune.floor import Floor, Outcome, outcome, parse
from infer.metrics.counts import ACCURACY
from infer.metrics.spans import F1
from infer.outputs import Outputs, of_logits
from targets.profile import Profile


@pytest.mark.parametrize(
    ("text", "floor"),
    [
        ("teacher-1.0", Floor(reference="teacher", points=1.0)),
        ("Student - 0.3", Floor(reference="student", points=0.3)),
        ("teacher", Floor(reference="teacher", points=0.0)),
        ("88.5", Floor(reference="", points=88.5)),
    ],
)
def test_floors_are_parsed(text: str, floor: Floor) -> None:
    assert parse(text) == floor
    assert parse(str(floor)) == floor


CURE = "use teacher-1.0 or student-0.3 (points below it), or a score in points, such as 88.5"


@pytest.mark.parametrize("text", ["", "teacher+1", "techer-1", "-3", "teacher--1", "90%"])
def test_an_invalid_floor_is_rejected(text: str) -> None:
    with pytest.raises(InputError) as caught:
        parse(text)
    assert str(caught.value) == f"invalid floor {text!r}: {CURE}"


@pytest.mark.parametrize("text", ["101", "0", "teacher-150"])
def test_a_floor_that_no_score_can_have_is_rejected(text: str) -> None:
    with pytest.raises(InputError) as caught:
        parse(text)
    assert str(caught.value) == f"invalid floor {text!r}: not between 0 and 100 points: {CURE}"


@pytest.mark.parametrize(("text", "points"), [("0.9", "90"), ("0.885", "88.5"), ("0.07", "7"), ("1", "100")])
def test_a_share_is_rejected_with_its_points(text: str, points: str) -> None:
    with pytest.raises(InputError) as caught:
        parse(text)
    assert str(caught.value) == (
        f"invalid floor {text!r}: a floor is in points, hundredths of the score: use {points} for a score of {text}"
    )


@pytest.mark.parametrize(
    ("text", "description"),
    [
        ("teacher-1.5", "1.5 points below the teacher, 0.015 of the score"),
        ("teacher-0.01", "0.01 points below the teacher, 0.0001 of the score"),
        ("student", "0 points below the student, 0 of the score"),
        ("88.5", "88.5 points, a score of 0.885"),
    ],
)
def test_a_floor_is_described_with_its_unit(text: str, description: str) -> None:
    assert parse(text).description == description


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=300), st.floats(0, 0.1))
def test_a_sure_outcome_agrees_with_the_sentences(answers: Sequence[tuple[bool, bool]], margin: float) -> None:
    right_N = np.array([right for right, _ in answers])
    reference_N = np.array([reference for _, reference in answers])
    result = outcome(right_N, reference_N, margin, looks=3)
    drop = float(reference_N.mean() - right_N.mean())
    assert result is not Outcome.MET or drop <= margin
    assert result is not Outcome.MISSED or drop > margin
    assert result is not Outcome.MISSED or outcome(right_N, reference_N, margin, looks=1) is Outcome.MISSED


@pytest.mark.parametrize(("loss", "margin"), [(0.04, 0.01), (0.0, 0.03)])
def test_the_sequential_test_is_rarely_wrong(loss: float, margin: float) -> None:
    """Over all looks, at most one search in twenty may end with another outcome than the full test."""
    generator = np.random.default_rng(0)
    wrong = 0
    for _ in range(400):
        reference_N = generator.random(436) < 0.9
        right_N = reference_N & ~(generator.random(436) < loss)
        truth = Outcome.MET if loss * 0.9 <= margin else Outcome.MISSED
        for count in (109, 218):
            result = outcome(right_N[:count], reference_N[:count], margin, looks=3)
            if result is not Outcome.OPEN:
                wrong += result is not truth
                break
    assert wrong <= 20


RIGHT_N1 = np.array([[1.0], [1.0], [1.0], [0.0]])


@pytest.mark.parametrize(("text", "score"), [("teacher-1.0", 0.74), ("student", 0.75), ("88.5", 0.885)])
def test_a_floor_is_a_score_of_the_metric(text: str, score: float) -> None:
    assert parse(text).score(ACCURACY, RIGHT_N1) == pytest.approx(score)


def test_a_floor_works_for_a_metric_that_is_not_a_share() -> None:
    counts_N3 = np.array([[2.0, 2.0, 2.0], [0.0, 1.0, 0.0]])
    assert parse("teacher-1.0").score(F1, counts_N3) == pytest.approx(0.8 - 0.01)


@pytest.fixture(scope="module")
def entrants(student: Path, scorer: Path, tagger: Path, profile: Profile) -> dict[str, Entrant]:
    return {folder.name: load_entrant(folder, profile) for folder in (student, scorer, tagger)}


def with_metric(entrant: Entrant, metric: str) -> Entrant:
    manifest = entrant.origin.student.model_copy(update={"recipe": {"metric": metric}})
    return replace(entrant, origin=replace(entrant.origin, student=manifest))


def copy_of(entrant: Entrant, **changes: Any) -> Entrant:
    """Return the same student in another folder, with changes to its evaluation."""
    folder = entrant.origin.folder.parent / "copy"
    evaluation = replace(entrant.evaluation, **changes)
    return replace(entrant, origin=replace(entrant.origin, folder=folder), evaluation=evaluation)


def shifted(outputs: Outputs, by: float) -> Outputs:
    return of_logits(replace(outputs.logits, values=outputs.logits.values + np.float32(by)))


def test_a_metric_whose_lower_values_are_better_has_no_floor(entrants: dict[str, Entrant]) -> None:
    scorer = entrants["scorer"]
    with pytest.raises(InputError) as caught:
        check_comparable([with_metric(scorer, "rmse")], parse("teacher-1"))
    assert str(caught.value) == (
        f"{scorer.origin.folder}: a lower RMSE is better, so it cannot have a floor: "
        "distil with metric = one of pearson, spearman"
    )
    check_comparable([with_metric(scorer, "spearman")], parse("teacher-1"))


@pytest.mark.parametrize("kind", ["student", "scorer", "tagger"])
def test_students_are_comparable_if_their_teachers_agree(entrants: dict[str, Entrant], kind: str) -> None:
    first = entrants[kind]
    teacher, labels = first.evaluation.teacher, first.evaluation.labels
    check_comparable([first, copy_of(first, teacher=shifted(teacher, 1e-6))], parse("80"))
    others = [
        copy_of(first, teacher=of_logits(replace(teacher.logits, values=-teacher.logits.values))),
        copy_of(first, teacher=teacher.take(range(10))),
        copy_of(first, labels=replace(labels, values=labels.values + 1)),
        *(copy_of(entrants[name]) for name in entrants if name != kind),
    ]
    for other in others:
        with pytest.raises(InputError) as caught:
            check_comparable([first, other], parse("80"))
        assert str(caught.value) == (
            f"{other.origin.folder}: task, metric, teacher or data differ from those of {first.origin.folder}: "
            "run tinybert tune separately for students of different tasks"
        )


@pytest.mark.parametrize("kind", ["student", "scorer", "tagger"])
def test_statistics_are_for_the_selected_sentences(entrants: dict[str, Entrant], kind: str) -> None:
    entrant = entrants[kind]
    rows = entrant.search_rows[:7]
    student_NK = entrant.statistics(entrant.evaluation.student.take(rows), rows)
    assert entrant.metric.value(student_NK) == pytest.approx(1.0)
    assert entrant.metric.value(entrant.statistics(entrant.evaluation.teacher.take(rows), rows)) < 0.9

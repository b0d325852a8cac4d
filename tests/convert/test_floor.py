"""Floors: how they are written, what students have one in common, and when they are surely reached or missed."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.errors import InputError
from convert.tune.candidate import Entrant
from convert.tune.enter import check_together, enter
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


RIGHT_N1 = np.array([[1.0], [1.0], [1.0], [0.0]])


@pytest.mark.parametrize(("text", "score"), [("teacher-1.0", 0.74), ("student", 0.75), ("88.5", 0.885)])
def test_a_floor_is_a_score_of_its_metric(text: str, score: float) -> None:
    assert parse(text).score(ACCURACY, RIGHT_N1) == pytest.approx(score)


def test_a_floor_follows_a_metric_that_is_no_share() -> None:
    counts_N3 = np.array([[2.0, 2.0, 2.0], [0.0, 1.0, 0.0]])
    assert parse("teacher-1.0").score(F1, counts_N3) == pytest.approx(0.8 - 0.01)


@pytest.fixture(scope="module")
def entrants(student: Path, scorer: Path, tagger: Path, profile: Profile) -> dict[str, Entrant]:
    return {folder.name: enter(folder, profile) for folder in (student, scorer, tagger)}


def judged_by(entrant: Entrant, metric: str) -> Entrant:
    manifest = entrant.origin.student.model_copy(update={"recipe": {"metric": metric}})
    return replace(entrant, origin=replace(entrant.origin, student=manifest))


def another(entrant: Entrant, **changes: Any) -> Entrant:
    """The same student in another folder, with changes to what was evaluated."""
    folder = entrant.origin.folder.parent / "another"
    evaluation = replace(entrant.evaluation, **changes)
    return replace(entrant, origin=replace(entrant.origin, folder=folder), evaluation=evaluation)


def moved(outputs: Outputs, by: float) -> Outputs:
    return of_logits(replace(outputs.logits, values=outputs.logits.values + np.float32(by)))


def test_there_is_no_floor_where_less_is_better(entrants: dict[str, Entrant]) -> None:
    message = "judged by rmse, of which less is better, so it has no floor: distil with metric = one of pearson, spearm"
    with pytest.raises(InputError, match=message):
        check_together([judged_by(entrants["scorer"], "rmse")], parse("teacher-1"))
    check_together([judged_by(entrants["scorer"], "spearman")], parse("teacher-1"))


@pytest.mark.parametrize("kind", ["student", "scorer", "tagger"])
def test_students_of_teachers_that_agree_are_compared(entrants: dict[str, Entrant], kind: str) -> None:
    first = entrants[kind]
    teacher, labels = first.evaluation.teacher, first.evaluation.labels
    check_together([first, another(first, teacher=moved(teacher, 1e-6))], parse("80"))
    others = [
        another(first, teacher=of_logits(replace(teacher.logits, values=-teacher.logits.values))),
        another(first, teacher=teacher.take(range(10))),
        another(first, labels=replace(labels, values=labels.values + 1)),
        *(another(entrants[name]) for name in entrants if name != kind),
    ]
    for other in others:
        with pytest.raises(InputError, match="another: not of the task, metric, teacher and data of"):
            check_together([first, other], parse("80"))


@pytest.mark.parametrize("kind", ["student", "scorer", "tagger"])
def test_statistics_are_of_the_sentences_that_were_asked(entrants: dict[str, Entrant], kind: str) -> None:
    entrant = entrants[kind]
    rows = entrant.search_rows[:7]
    student_NK = entrant.statistics(entrant.evaluation.student.take(rows), rows)
    assert entrant.metric.value(student_NK) == pytest.approx(1.0)
    assert entrant.metric.value(entrant.statistics(entrant.evaluation.teacher.take(rows), rows)) < 0.9

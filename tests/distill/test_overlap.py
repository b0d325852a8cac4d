"""Validation sentences that were trained on are counted, and scores are given without them."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from unicodedata import normalize

import numpy as np
import pytest

from contract import ragged
from contract.errors import InputError
from contract.tokens import from_rows
from distill.data.overlap import check_splits_differ, in_training
from distill.data.rows import Splits, labelled
from distill.student import card
from distill.student.doubts import find_doubts
from infer import tasks
from infer.folders.student import Evaluation, read_evaluation, write_evaluation
from infer.outputs import of_logits

Tinybert = Callable[..., tuple[int, str, str]]
SENTIMENT = tasks.settings("classification", ("negative", "positive"))
TRAIN = ("a good film", "a bad film", "née", "two  spaces")


def _splits(
    train: Sequence[str], validation: Sequence[str], pairs: tuple[Sequence[str], Sequence[str]] | None
) -> Splits:
    first, second = pairs or (None, None)
    labels = [np.zeros(len(texts), np.int64) for texts in (train, validation)]
    return Splits(train=labelled(train, first, labels[0]), validation=labelled(validation, second, labels[1]))


@pytest.mark.parametrize(
    ("validation", "expected"),
    [
        (["another"], [False]),
        (["a bad film", "another"], [True, False]),
        (["another", "a good film "], [False, True]),
        (["a good\tfilm", normalize("NFD", "née"), "two spaces", "A good film"], [True, True, True, False]),
    ],
)
def test_sentences_are_compared_by_what_they_say(validation: list[str], expected: list[bool]) -> None:
    assert in_training(_splits(TRAIN, validation, None)).tolist() == expected


def test_pairs_are_the_same_if_both_texts_are() -> None:
    splits = _splits(["a", "b"], ["a", "a", "b"], (["x", "y"], ["x", "y", "x"]))
    assert in_training(splits).tolist() == [True, False, False]


@pytest.mark.parametrize(
    ("train", "validation", "message"),
    [
        (["a", "b"], ["a", "b", "c"], "every training sentence is also in the validation split"),
        (["a", "b", "c"], ["a", "b", "b"], "every validation sentence is also in the training split"),
        (["a", "b"], ["b", "a"], "every training sentence is also in the validation split"),
    ],
)
def test_splits_that_say_the_same_are_refused(train: list[str], validation: list[str], message: str) -> None:
    with pytest.raises(InputError) as caught:
        check_splits_differ(_splits(train, validation, None))
    assert str(caught.value) == f"{message}: use a validation split with different sentences"
    check_splits_differ(_splits([*train, "x"], [*validation, "y"], None))


def _evaluation(student: Sequence[int], teacher: Sequence[int], in_training: Sequence[bool] | None) -> Evaluation:
    """Return the evaluation of sentences whose labels are 0 and 1 in turn."""
    rows = [[2, 5, 3]] * len(student)
    return Evaluation(
        tokens=from_rows(rows, [[0] * 3 for _ in rows]),
        labels=ragged.single(np.arange(len(student)) % 2),
        teacher=of_logits(np.eye(2, dtype=np.float32)[list(teacher)]),
        student=of_logits(np.eye(2, dtype=np.float32)[list(student)]),
        in_training_N=None if in_training is None else np.array(in_training),
    )


@pytest.mark.parametrize("in_training", [None, [False] * 20, [True] * 6 + [False] * 14, [True] * 20])
def test_an_evaluation_remembers_what_was_trained_on(tmp_path: Path, in_training: list[bool] | None) -> None:
    right = [row % 2 for row in range(20)]
    write_evaluation(tmp_path, _evaluation(right, right, in_training))
    loaded = read_evaluation(tmp_path)
    assert len(loaded.without_training().labels) == 20 - sum(in_training or ())
    assert (loaded.in_training_N is None) == (not any(in_training or ()))
    assert len(loaded.take(np.arange(3, 9)).without_training().labels) == 6 - sum((in_training or [])[3:9])


def test_an_evaluation_with_too_few_marks_is_refused(tmp_path: Path) -> None:
    right = [row % 2 for row in range(20)]
    write_evaluation(tmp_path, replace(_evaluation(right, right, None), in_training_N=np.array([True])))
    with pytest.raises(InputError, match="its in_training does not match its sentences: make the student again"):
        read_evaluation(tmp_path)


RIGHT = [row % 2 for row in range(20)]
TWO_WRONG = [1, 0, *RIGHT[2:]]


@pytest.mark.parametrize(
    ("student", "teacher", "in_training", "expected"),
    [
        (RIGHT, RIGHT, None, []),
        (TWO_WRONG, RIGHT, [False] * 20, []),
        (
            TWO_WRONG,
            RIGHT,
            [False, False, *[True] * 18],
            [
                "18 of 20 validation sentences are also training sentences; on the other 2, the student is at "
                "Accuracy 0.0 (0.0 to 65.8) %, the teacher at Accuracy 100.0 (34.2 to 100.0) %"
            ],
        ),
        (RIGHT, RIGHT, [True] * 20, []),  # there is nothing else to judge by; `check_splits_differ` refuses it
        (
            [0] * 20,
            RIGHT,
            None,
            [
                "the student, at Accuracy 50.0 (29.9 to 70.1) %, is not shown to be better than always giving the "
                "most frequent label, at Accuracy 50.0 %"
            ],
        ),
        (
            [1] * 20,
            [0] * 20,
            None,
            [
                f"the {model}, at Accuracy 50.0 (29.9 to 70.1) %, is not shown to be better than always giving the "
                "most frequent label, at Accuracy 50.0 %"
                for model in ("student", "teacher")
            ],
        ),
    ],
)
def test_doubts(student: list[int], teacher: list[int], in_training: list[bool] | None, expected: list[str]) -> None:
    assert find_doubts(SENTIMENT, _evaluation(student, teacher, in_training), "accuracy") == expected


def test_a_partial_overlap_is_said_at_every_stage(
    tmp_path: Path, tinybert: Tinybert, recipe_file: Callable[..., Path], sentences_file: Callable[..., Path]
) -> None:
    data = sentences_file()
    validation = data / "dev.tsv"
    header, *rows = validation.read_text(encoding="utf-8").splitlines()
    trained_on = (data / "train.tsv").read_text(encoding="utf-8").splitlines()[1:9]
    validation.write_text("\n".join([header, *trained_on, *rows[-8:]]) + "\n", encoding="utf-8")
    arguments = ["distill", recipe_file(), "--data", data]
    warning = (
        "warning: 8 of 16 validation sentences are also training sentences: scores on them say nothing about new texts"
    )
    code, out, _ = tinybert(*arguments, "--dry-run")
    assert (code, warning in out.splitlines()) == (0, True)
    # A finished student says so again.
    for _ in range(2):
        code, out, err = tinybert(*arguments, "--out", tmp_path / "out")
        assert code == 0, err
        assert warning in err.splitlines()
        assert (
            "warning: 8 of 16 validation sentences are also training sentences; on the other 8, the student is at "
            "Accuracy 100.0 (67.6 to 100.0) %, the teacher at Accuracy 100.0 (67.6 to 100.0) %"
        ) in err.splitlines()
    text = (Path(out.splitlines()[-1]) / "README.md").read_text(encoding="utf-8")
    assert "**Note**: 8 of 16 validation sentences are also training sentences; on the other 8, the student" in text
    assert "On the 8 sentences that are not training sentences:\n\n| metric | student |" in text
    assert text.count("| accuracy | 1.000 (") == 2


def test_a_card_has_the_scores_of_always_giving_the_most_frequent_label() -> None:
    from distill import recipe as recipes

    text = card.markdown(recipes.read("quickstart"), "2 layers", _evaluation(RIGHT, RIGHT, None))
    assert "| metric | student | teacher | always the most frequent label |\n|---|---|---|---|\n" in text
    assert "| accuracy | 1.000 (0.839 to 1.000) | 1.000 | 0.500 |\n" in text
    assert "**Note**" not in text

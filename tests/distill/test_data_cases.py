"""Small inputs that users met: data and labels that once went wrong without a word.

Each is a folder with a recipe, a teacher and data files, in TINYBERT_CASES or in shared/cases beside the checkout.
"""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import pytest
from tokenizers import Tokenizer

from infer.folders.student import read_evaluation, read_student

Tinybert = Callable[..., tuple[int, str, str]]
CASES = Path(os.environ.get("TINYBERT_CASES") or Path(__file__).parents[3] / "shared" / "cases")

pytestmark = [
    pytest.mark.data,
    pytest.mark.skipif(not CASES.is_dir(), reason=f"no folder {CASES}; TINYBERT_CASES names another"),
]


class Distilled(NamedTuple):
    """A case that was distilled: its folder, its student, and what the console said."""

    case: Path
    student: Path
    stdout: str
    stderr: str


@pytest.fixture
def distil(tinybert: Tinybert, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Distilled]:
    """Distil a case from its folder, as its user does."""

    def call(name: str) -> Distilled:
        case = CASES / name
        monkeypatch.chdir(case)
        monkeypatch.setenv("HF_HUB_OFFLINE", "1")
        data = ("--dataset", case / "dataset") if (case / "dataset").is_dir() else ("--data", ".")
        code, out, err = tinybert("distill", "recipe.toml", *data, "--out", tmp_path)
        assert code == 0, err
        return Distilled(case, Path(out.splitlines()[-1]), out, err)

    return call


def _first_labels(distilled: Distilled) -> list[str]:
    names = read_student(distilled.student).task.names
    return [names[label] for label in read_evaluation(distilled.student).labels.values[:4]]


LABELS: Mapping[str, list[str]] = {
    "hub-labels-case": ["world", "sports", "world", "sports"],
    "parquet-class-label": ["World", "Sports", "World", "Sports"],
    "label-nfd": ["négatif", "positif", "négatif", "positif"],
}


@pytest.mark.parametrize("name", LABELS)
def test_labels_have_their_own_names(distil: Callable[..., Distilled], name: str) -> None:
    assert _first_labels(distil(name)) == LABELS[name]


def test_the_recipes_split_is_judged_on(distil: Callable[..., Distilled]) -> None:
    assert len(read_evaluation(distil("dataset-split-names").student).labels) == 60


def test_leaked_sentences_are_said(distil: Callable[..., Distilled]) -> None:
    found = distil("leak")
    line = "58 of 60 validation sentences are also training sentences; on the other 2, the student is at Accuracy "
    assert line in found.stderr
    assert line in (found.student / "README.md").read_text(encoding="utf-8")
    assert len(read_evaluation(found.student).without_training().labels) == 2


def test_macro_f1_leaves_out_a_label_that_nothing_has(distil: Callable[..., Distilled]) -> None:
    found = distil("f1-macro-absent")
    (row,) = [line for line in found.stdout.splitlines() if "f1_macro" in line]
    assert [cell.strip() for cell in row.strip("│").split("│")][:4] == ["f1_macro", "1.000", "1.000 to 1.000", "1.000"]


def test_the_teachers_tokenizer_file_counts(distil: Callable[..., Distilled]) -> None:
    found = distil("tokenizer-normalizer")
    text = "The phone was dull and the book of 8118 looked awful ."
    teacher, student = (
        Tokenizer.from_file(str(folder / "tokenizer.json")).encode(text)
        for folder in (found.case / "teacher", found.student)
    )
    assert teacher.tokens == student.tokens
    assert "0" in student.tokens
    assert "reads 120 of 120 training sentences differently" in found.stderr
    evaluation = read_evaluation(found.student)
    zero = Tokenizer.from_file(str(found.student / "tokenizer.json")).token_to_id("0")
    assert all(zero in evaluation.tokens.row_ids(row).tolist() for row in range(60))

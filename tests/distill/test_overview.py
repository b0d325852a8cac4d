"""What a user is told of the data before a training: rows, labels, unknown tokens, cut texts, and an estimated time."""

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from contract import ragged
from distill import recipe as recipes
from distill.data import overview as overviews
from distill.data.overview import overview
from distill.data.rows import Rows, Splits, labelled
from distill.data.tokenise import tokenise_and_mark_cut
from distill.dry_run.duration import measure_rate, roughly
from distill.recipe.shape import Shape
from tests import tiny

Tinybert = Callable[..., tuple[int, str, str]]
# The tiny tokenizer knows none of these.
REVIEWS = ("这部电影很好看", "剧情太差 not", "演员 very 好", "不值得 the 一看", "音乐 很 美")


@pytest.mark.parametrize(
    ("texts", "pairs", "expected"),
    [
        (["good", "good bad film the"], None, [False, False]),
        (["good bad film the a", "good"], None, [True, False]),
        (["good bad", "good bad"], ["film", "film the"], [False, True]),
    ],
)
def test_a_cut_text_is_one_with_more_tokens_than_fit(
    texts: list[str], pairs: list[str] | None, expected: list[bool]
) -> None:
    rows = labelled(texts, pairs, np.zeros(len(texts), np.int64))
    tokens, is_cut_N = tokenise_and_mark_cut(tiny.tokenizer(), rows, 6)
    assert is_cut_N.tolist() == expected
    assert max(tokens.lengths) == 6


@pytest.fixture
def recipe(recipe_file: Callable[..., Path]) -> Any:
    return recipes.read(str(recipe_file()))


def _rows(*texts: str) -> Rows:
    return labelled(texts, None, np.arange(len(texts)) % 2)


def test_an_overview_counts(recipe: Any) -> None:
    splits = Splits(train=_rows("good film .", "bad", "very " * 20), validation=_rows("fine", "bad"))
    found = overview(recipe, splits, tiny.tokenizer(like_bert=True), [])
    assert asdict(found) == {
        # One of 4 + 14 tokens, the full stop, is unknown; the last text is cut at 16 tokens.
        "train": {
            "rows": 3,
            "label_counts": {"negative": 2, "positive": 1},
            "unknown_share": pytest.approx(1 / 18),
            "cut_share": pytest.approx(1 / 3),
        },
        "validation": {
            "rows": 2,
            "label_counts": {"negative": 1, "positive": 1},
            "unknown_share": 0.0,
            "cut_share": 0.0,
        },
        "max_length_tokens": 16,
        "in_training": 1,
        "task": "classification",
        "metric": "accuracy",
        "constant": 0.5,
        "warnings": (
            "the tokenizer does not know 6% of the tokens, which all look alike to the models: choose a teacher for "
            "the language of these texts",
            "1 of 2 validation sentences are also training sentences: scores on them say nothing about new texts",
        ),
    }
    assert found.lines == [
        "3 training sentences: the tokenizer does not know 5.6% of their tokens, 33.3% of the sentences are cut at 16 "
        "tokens",
        "2 validation sentences: the tokenizer does not know 0.0% of their tokens, 0.0% of the sentences are cut at "
        "16 tokens",
        "always giving the most frequent label: Accuracy 50.0 %",
        *(f"warning: {warning}" for warning in found.warnings),
    ]


@pytest.mark.parametrize(("unknown", "of", "warns"), [(1, 20, False), (1, 19, True), (0, 20, False)])
def test_more_than_a_twentieth_of_unknown_tokens_is_a_warning(recipe: Any, unknown: int, of: int, warns: bool) -> None:
    # At most 14 tokens fit in a text.
    words = ["zzz"] * unknown + ["good"] * (of - unknown)
    splits = Splits(train=_rows(" ".join(words[:10]), " ".join(words[10:])), validation=_rows("bad", "fine"))
    assert bool(overview(recipe, splits, tiny.tokenizer(), []).warnings) == warns


def test_of_many_rows_a_sample_is_tokenised(recipe: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    splits = Splits(train=_rows(*["good", "zzz"] * 20), validation=_rows("bad", "fine"))
    monkeypatch.setattr(overviews, "SAMPLED_ROWS", 9)
    found = overview(recipe, splits, tiny.tokenizer(), [])
    # Every fifth row.
    assert (found.train.rows, found.train.label_counts, found.train.unknown_share) == (
        40,
        {"negative": 20, "positive": 20},
        0.5,
    )


@pytest.mark.parametrize("task", ["regression", "token_classification"])
def test_an_overview_of_every_task(recipe: Any, task: Any) -> None:
    if task == "regression":
        names: tuple[str, ...] = ()
        rows = labelled(["good", "bad film"], None, np.array([0.5, 2.0], dtype=np.float32))
    else:
        names = ("O", "B-PER")
        rows = Rows(
            texts=("good film", "bad"),
            pairs=None,
            labels=ragged.from_rows([np.array([0, 1]), np.array([0])], like=np.empty(0, np.int64)),
            words=ragged.from_rows([np.array([[0, 4], [5, 9]]), np.array([[0, 3]])], like=np.empty((0, 2), np.int64)),
        )
    changed = recipe.model_copy(
        update={"task": task, "data": recipe.data.model_copy(update={"label_names": names}), "metric": None}
    )
    found = overview(changed, Splits(train=rows, validation=rows), tiny.tokenizer(), [])
    assert found.train.label_counts == ({} if task == "regression" else {"O": 2, "B-PER": 1})
    assert (found.constant, found.train.unknown_share) == (0.0, 0.0)


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(0.2, "< 1 min"), (59, "< 1 min"), (60, "~1 min"), (1_000, "~17 min"), (3_600, "~1.0 h"), (100_000, "~27.8 h")],
)
def test_an_estimate_has_few_digits(seconds: float, expected: str) -> None:
    assert roughly(seconds) == expected


def test_a_larger_layer_is_no_slower_per_operation() -> None:
    """A tiny layer is mostly overhead, a wide one mostly matrix products."""
    tiny_shape, wide = (Shape(layers=1, width=width, heads=4, feed_forward_width=4 * width) for width in (16, 256))
    rates = [measure_rate(shape, sentences=4, length_tokens=32) for shape in (tiny_shape, wide)]
    assert 0 < rates[0] < rates[1]


def _write_reviews(folder: Path, rows: int) -> Path:
    """Write Chinese reviews, two thirds of them positive."""
    folder.mkdir()
    for name, known in (("train.tsv", "the"), ("dev.tsv", "a")):
        lines = [f"{known} {REVIEWS[row % 5]} {known}{row}\t{int(row % 3 > 0)}" for row in range(rows)]
        (folder / name).write_text("sentence\tlabel\n" + "\n".join(lines) + "\n", encoding="utf-8")
    return folder


def test_texts_that_the_tokenizer_does_not_know(
    tmp_path: Path, tinybert: Tinybert, recipe_file: Callable[..., Path]
) -> None:
    data = _write_reviews(tmp_path / "data", 60)
    arguments = ["distill", recipe_file(floor=0), "--data", data]
    unknown = (
        "warning: the tokenizer does not know 64% of the tokens, which all look alike to the models: choose a teacher "
        "for the language of these texts"
    )
    code, out, _ = tinybert(*arguments, "--dry-run")
    lines = [[cell.strip() for cell in line.strip("│").split("│")] for line in out.splitlines()]
    assert code == 0
    for cells in (
        ["sentences", "60", "60"],
        ["- negative", "20", "20"],
        ["- positive", "40", "40"],
        ["unknown tokens", "63.6%", "63.6%"],
        ["cut at 16 tokens", "0.0%", "0.0%"],
    ):
        assert cells in lines
    assert "always giving the most frequent label: Accuracy 66.7 %" in out.splitlines()
    assert unknown in out.splitlines()
    document = json.loads(tinybert(*arguments, "--dry-run", "--json")[1])
    assert document["data"]["train"]["label_counts"] == {"negative": 20, "positive": 40}
    assert all(training["estimated_s"] > 0 for training in document["trainings"])
    quick = ["--set", "teacher.epochs=1", "--set", "stages.0.epochs=1", "--set", "stages.1.epochs=1"]
    code, out, err = tinybert(*arguments, *quick, "--out", tmp_path / "out")
    assert code == 0, err
    at = "is not shown to be better than always giving the most frequent label, at Accuracy 66.7 %"
    assert unknown in err.splitlines()
    assert any(line.startswith("warning: teacher ") and line.endswith(at) for line in err.splitlines())
    for model in ("the student", "the teacher"):
        assert f"warning: {model}, at Accuracy 66.7 (54.1 to 77.3) %, {at}" in err.splitlines()
    assert "always the most" in out
    card = (Path(out.splitlines()[-1]) / "README.md").read_text(encoding="utf-8")
    assert f"**Note**: the student, at Accuracy 66.7 (54.1 to 77.3) %, {at}.\n" in card

"""What a recipe must say, and what is filled in: from its file's name, from the data, and from the teacher."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from contract.errors import InputError
from distill import recipe as recipes
from distill.prepare import prepare
from distill.recipe.stage import DEFAULT_STAGES
from tests import tiny

Tinybert = Callable[..., tuple[int, str, str]]

ROWS = {
    "classification": ["text,label", *(f"a {tiny.subject(row)},{'good' if row % 3 else 'bad'}" for row in range(60))],
    "regression": ["text,label", *(f"the {tiny.subject(row)} {row},{row / 10}" for row in range(60))],
    "token_classification": [f"the\tO\nfilm{row}\tB-PER\n" for row in range(60)],
}
NAMES = {"classification": ("bad", "good"), "regression": (), "token_classification": ("O", "B-PER")}
SMALLEST = """
task = "{task}"

[data]
train = "{train}"

[teacher]
model = "{teacher}"

[student]
layers = [1]
"""


@pytest.fixture
def smallest(tmp_path: Path) -> Callable[[str, Path], Path]:
    """Write the smallest recipe of a task, and its data."""

    def write(task: str, teacher: Path) -> Path:
        train = tmp_path / ("train.conll" if task == "token_classification" else "train.csv")
        train.write_text("\n".join(ROWS[task]) + "\n", encoding="utf-8")
        path = tmp_path / "my reviews.toml"
        path.write_text(SMALLEST.format(task=task, train=train.name, teacher=teacher), encoding="utf-8")
        return path

    return write


@pytest.mark.parametrize("task", ROWS)
def test_it_runs(tinybert: Tinybert, encoder_folder: Path, smallest: Callable[..., Path], task: str) -> None:
    path = smallest(task, encoder_folder)
    code, out, err = tinybert("distill", path, "--dry-run", "--json", "--set", "max_length_tokens=32")
    assert code == 0, err
    assert json.loads(out)
    recipe, _, splits = prepare(str(path))
    assert (recipe.name, recipe.data.label_names, recipe.stages) == ("my-reviews", NAMES[task], DEFAULT_STAGES)
    assert len(splits.train) + len(splits.validation) == 60


def test_the_floor_is_what_the_same_answer_always_scores(encoder_folder: Path, smallest: Callable[..., Path]) -> None:
    path = smallest("classification", encoder_folder)
    recipe, _, splits = prepare(str(path))
    assert recipe.teacher.floor == pytest.approx((splits.validation.labels_N == 1).mean())
    assert prepare(str(path), changes=["teacher.floor=0.25"])[0].teacher.floor == 0.25


@pytest.mark.parametrize("labels", [("bad", "good"), ("good", "bad")])
def test_labels_have_the_order_of_a_trained_teacher(
    classifier_folder: Callable[..., Path], smallest: Callable[..., Path], labels: Sequence[str]
) -> None:
    recipe, _, _ = prepare(str(smallest("classification", classifier_folder(labels))))
    assert recipe.data.label_names == labels


@pytest.mark.parametrize(
    ("text", "missing"),
    [
        (
            "",
            'keys, for example: task = "classification", data.train = "train.csv", '
            'teacher.model = "google-bert/bert-base-uncased", student.layers = [1, 3, 5]',
        ),
        ('task = "regression"\n[teacher]\nmodel = "x"\n[student]\nlayers = [1]', 'key, for example: data.train = "tr'),
        (
            'task = "regression"\n[data]\ntrain = "rows.txt"\n[teacher]\nmodel = "x"\n[student]\npreset = "x"',
            'key, for example: data.format = "csv"',
        ),
        (
            "[[stages]]\nepochs = 1\n[general]\n",
            'keys, for example: task = "classification", data.train = "train.csv", '
            'teacher.model = "google-bert/bert-base-uncased", student.layers = [1, 3, 5], '
            'general.corpus = "corpus.txt", general.tokens = 3_000_000, stages.0.name = "prediction", '
            "stages.0.losses = { hidden = 1.0, prediction = 1.0 }",
        ),
    ],
)
def test_all_missing_keys_are_named_with_examples(tmp_path: Path, text: str, missing: str) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as error:
        recipes.read(str(path))
    assert str(error.value).startswith(f"{path}: missing {missing}")


@pytest.mark.parametrize(
    ("changes", "wanted"),
    [
        ((), ("csv", "")),
        (("data.train=train.tsv",), ("tsv", "")),
        (('data.train="train.jsonl.gz"', "data.validation=dev.jsonl"), ("jsonl", "dev.jsonl")),
        (("data.dataset=nyu-mll/glue:sst2", "data.train=train"), ("hub", "validation")),
    ],
)
def test_format_and_validation_follow_the_files(
    encoder_folder: Path, smallest: Callable[..., Path], changes: tuple[str, ...], wanted: tuple[str, str]
) -> None:
    data = recipes.read(str(smallest("classification", encoder_folder)), changes).data
    assert (data.format, data.validation) == wanted


def test_a_default_stage_can_be_changed(encoder_folder: Path, smallest: Callable[..., Path]) -> None:
    stages = recipes.read(str(smallest("classification", encoder_folder)), ("stages.1.epochs=7",)).stages
    assert (stages[0], stages[1].epochs, stages[1].losses) == (DEFAULT_STAGES[0], 7, DEFAULT_STAGES[1].losses)


def test_a_column_without_labels_is_refused(
    tinybert: Tinybert, encoder_folder: Path, smallest: Callable[..., Path], tmp_path: Path
) -> None:
    path = smallest("classification", encoder_folder)
    lines = ["text,label", *(f"the film,{row}" for row in range(300))]
    (tmp_path / "train.csv").write_text("\n".join(lines), encoding="utf-8")
    code, _, err = tinybert("distill", path, "--dry-run")
    cause = f"{tmp_path / 'train.csv'}: 300 different values in 'label' are no labels for classification"
    assert (code, err.splitlines()[-1].partition(": set")[0]) == (2, f"error: {cause}")

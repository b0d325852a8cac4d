"""Names of labels: a data set's own names decide which number is which label, in any case and Unicode form."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from unicodedata import normalize

import pyarrow as pa
import pytest
from datasets import ClassLabel, Dataset, Features, List, Value
from pyarrow import parquet
from transformers import PretrainedConfig

from contract.errors import InputError
from distill import recipe as recipes
from distill import tasks
from distill.data.dataset import load
from distill.data.rows import Splits
from distill.recipe.data import Data

Tinybert = Callable[..., tuple[int, str, str]]
NFD, NFC = normalize("NFD", "négatif"), normalize("NFC", "négatif")
TAGS = ["O", "B-PER", "I-PER"]


def _write(folder: Path, feature: Any, labels: Sequence[object], texts: Sequence[object] = ()) -> Path:
    """Write both splits as `datasets` does; their folder is a data set, too."""
    folder.mkdir(parents=True)
    text = List(Value("string")) if texts else Value("string")
    columns = {"text": list(texts) or [f"text {row}" for row in range(len(labels))], "label": list(labels)}
    table = Dataset.from_dict(columns, features=Features({"text": text, "label": feature}))
    for split in ("train", "validation"):
        table.to_parquet(str(folder / f"{split}.parquet"))
    return folder


def _load(kind: str, folder: Path, names: Sequence[str], task: Any = "classification") -> Splits:
    suffix = ".parquet" if kind == "parquet" else ""
    document = {
        "format": kind,
        "train": f"train{suffix}",
        "validation": f"validation{suffix}",
        "dataset": "user/data" if kind == "hub" else "",
        "label_names": tuple(names),
    }
    return load(Data.model_validate(document), folder, seed=0, task=task)


@pytest.fixture(params=["hub", "parquet"])
def kind(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    return str(request.param)


@pytest.mark.parametrize(
    ("in_data", "in_recipe", "expected"),
    [
        (["World", "Sports"], ["Sports", "World"], [1, 0, 1]),
        (["World", "Sports"], ["sports", "world"], [1, 0, 1]),
        (["World", "Sports"], ["WORLD", "SPORTS"], [0, 1, 0]),
        (["Straße", "Weg"], ["weg", "STRASSE"], [1, 0, 1]),
        ([NFD, "positif"], ["positif", NFC], [1, 0, 1]),
        (["it", "IT"], ["IT", "it"], [1, 0, 1]),
        (["100", "101"], ["101", "100"], [1, 0, 1]),
        (["0", "1"], ["negative", "positive"], [0, 1, 0]),
        (["0", "1"], ["1", "0"], [1, 0, 1]),
    ],
)
def test_the_names_in_the_data_count(
    tmp_path: Path, kind: str, in_data: list[str], in_recipe: list[str], expected: list[int]
) -> None:
    folder = _write(tmp_path / "user" / "data", ClassLabel(names=in_data), [0, 1, 0])
    splits = _load(kind, folder, in_recipe)
    assert splits.train.labels_N.tolist() == splits.validation.labels_N.tolist() == expected


@pytest.mark.parametrize(
    ("in_data", "in_recipe"),
    [
        (["World", "Sports"], ["sports", "business"]),
        (["negative", "neutral", "positive"], ["negative", "positive"]),
        (["not_equivalent", "equivalent"], ["different", "equivalent"]),
        (["100", "101"], ["story", "culture"]),
    ],
)
def test_other_names_are_refused(tmp_path: Path, kind: str, in_data: list[str], in_recipe: list[str]) -> None:
    folder = _write(tmp_path / "user" / "data", ClassLabel(names=in_data), [0, 1, 0])
    with pytest.raises(InputError) as caught:
        _load(kind, folder, in_recipe)
    source = "user/data[train]" if kind == "hub" else folder / "train.parquet"
    assert str(caught.value) == (
        f"{source}: the labels in 'label' are {', '.join(in_data)}, in data.label_names {', '.join(in_recipe)}: "
        f"use the names in the data: --set data.label_names='{json.dumps(in_data)}'"
    )


def test_tags_are_named_too(tmp_path: Path, kind: str) -> None:
    folder = _write(
        tmp_path / "user" / "data", List(ClassLabel(names=TAGS)), [[1, 2, 0]], [["Rolf", "Miller", "stays"]]
    )
    splits = _load(kind, folder, ["O", "I-PER", "B-PER"], "token_classification")
    assert splits.train.labels.values.tolist() == [2, 1, 0]


def test_a_missing_label_is_not_the_last_one(tmp_path: Path, kind: str) -> None:
    folder = _write(tmp_path / "user" / "data", ClassLabel(names=["World", "Sports"]), [0, 1, -1])
    with pytest.raises(InputError, match="unknown label '-1': known: 0 sports, 1 world"):
        _load(kind, folder, ["sports", "world"])


@pytest.mark.parametrize(
    "metadata",
    [
        {},
        {b"huggingface": b"{"},
        {b"huggingface": b"[]"},
        {b"huggingface": b'{"info": {"features": null}}'},
        {b"huggingface": b'{"info": {"features": {"label": {"_type": "Value", "dtype": "int64"}}}}'},
    ],
)
def test_a_parquet_file_may_name_no_labels(tmp_path: Path, metadata: dict[bytes, bytes]) -> None:
    table = pa.table({"text": ["a", "b"], "label": [0, 1]}).replace_schema_metadata(metadata)
    for split in ("train", "validation"):
        parquet.write_table(table, tmp_path / f"{split}.parquet")
    assert _load("parquet", tmp_path, ["sports", "world"]).train.labels_N.tolist() == [0, 1]


@pytest.mark.parametrize("form", ["NFC", "NFD"])
@pytest.mark.parametrize("name", [NFC, NFD])
def test_a_label_is_found_in_any_unicode_form(tmp_path: Path, form: Any, name: str) -> None:
    for split in ("train", "validation"):
        text = f"text,label\na,{normalize(form, 'négatif')}\nb,positif\nc, {normalize(form, 'négatif')} \n"
        (tmp_path / f"{split}.csv").write_text(text, encoding="utf-8")
    document = {"format": "csv", "train": "train.csv", "validation": "validation.csv", "label_names": (name, "positif")}
    splits = load(Data.model_validate(document), tmp_path, seed=0, task="classification")
    assert splits.train.labels_N.tolist() == [0, 1, 0]


def test_two_unicode_forms_are_one_label(tinybert: Tinybert, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    rows = [f"text {row} of the film,{(NFC, NFD, 'positif')[row % 3]}" for row in range(60)]
    (tmp_path / "data.csv").write_text("\n".join(["text,label", *rows]), encoding="utf-8")
    assert tinybert("init", "data.csv")[0] == 0
    recipe = recipes.read("data.toml")
    assert recipe.data.label_names == (NFC, "positif")
    assert recipe.teacher.floor == 0.67
    with pytest.raises(ValueError, match="duplicate label"):
        Data.model_validate({"format": "csv", "label_names": (NFC, NFD)})


@pytest.mark.parametrize("task", ["classification", "token_classification"])
def test_a_teacher_may_write_its_labels_in_another_unicode_form(task: str) -> None:
    half = tasks.get(task)
    labels = (NFD, "O")
    config = PretrainedConfig(id2label=dict(enumerate(labels)))
    half.check_head(config, (NFC, "O"), "a model")
    with pytest.raises(InputError, match="differ"):
        half.check_head(config, ("O", NFC), "a model")


@pytest.mark.parametrize(
    ("feature", "labels", "task"),
    [
        (ClassLabel(names=["World", "Sports"]), [row % 2 for row in range(60)], "classification"),
        (ClassLabel(names=[f"topic {row}" for row in range(30)]), [row % 30 for row in range(60)], "classification"),
    ],
)
def test_a_drafted_recipe_has_the_names_of_a_parquet_file(
    tinybert: Tinybert, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, feature: Any, labels: list[int], task: str
) -> None:
    monkeypatch.chdir(tmp_path)
    _write(tmp_path / "news", feature, labels)
    assert tinybert("init", "news")[0] == 0
    recipe = recipes.read("news.toml")
    assert (recipe.task, list(recipe.data.label_names)) == (task, feature.names)

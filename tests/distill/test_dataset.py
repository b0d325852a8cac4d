"""Reading data in every file format, and refusing invalid data with file and line."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from contract.errors import InputError
from distill.data.dataset import load
from distill.data.rows import Splits
from distill.prepare import prepare
from distill.recipe.data import Data

GOOD = [("a fine film", 1), ('it was "bad', 0), ("null", 1), ("NA and poor", 0)]


def _data(file_format: str, **changes: str) -> Data:
    document = {
        "format": file_format,
        "train": f"train.{file_format}",
        "validation": f"dev.{file_format}",
        "text": "sentence",
        "label_names": ("negative", "positive"),
        **changes,
    }
    return Data.model_validate(document)


def _write(folder: Path, name: str, rows: list[tuple[str, object]]) -> None:
    path = folder / name
    if name.endswith("tsv"):
        path.write_text("sentence\tlabel\n" + "".join(f"{text}\t{label}\n" for text, label in rows), encoding="utf-8")
    elif name.endswith("csv"):
        quoted = [f'"{text.replace(chr(34), chr(34) * 2)}",{label}\n' for text, label in rows]
        path.write_text("sentence,label\n" + "".join(quoted), encoding="utf-8")
    elif name.endswith("jsonl"):
        lines = [json.dumps({"sentence": text, "label": label}) for text, label in rows]
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    else:
        from datasets import Dataset

        table = Dataset.from_dict({"sentence": [text for text, _ in rows], "label": [label for _, label in rows]})
        table.to_parquet(str(path))


def _load(folder: Path, file_format: str, **changes: str) -> Splits:
    return load(_data(file_format, **changes), folder, seed=0, task="classification")


@pytest.mark.parametrize("file_format", ["tsv", "csv", "jsonl", "parquet"])
def test_every_format_gives_the_same_rows(tmp_path: Path, file_format: str) -> None:
    for split in ("train", "dev"):
        _write(tmp_path, f"{split}.{file_format}", list(GOOD))
    splits = _load(tmp_path, file_format)
    assert splits.train.texts == tuple(text for text, _ in GOOD)
    assert splits.validation.labels_N.tolist() == [1, 0, 1, 0]


def test_labels_may_be_names(tmp_path: Path) -> None:
    for split in ("train", "dev"):
        _write(tmp_path, f"{split}.tsv", [("a", "positive"), ("b", "negative")])
    assert _load(tmp_path, "tsv").train.labels_N.tolist() == [1, 0]


@pytest.mark.parametrize(
    ("label_names", "labels", "expected"),
    [
        (("1", "2"), (1, 2, 1, 2), [0, 1, 0, 1]),
        (("1", "0"), (0, 1, 0, 1), [1, 0, 1, 0]),
        (("a", "b"), (1.0, 0, 1, 0), [1, 0, 1, 0]),
        (("1", "2"), ("1.0", "2.0"), [0, 1]),
        (("01", "02", "03"), ("01", "02", "03"), [0, 1, 2]),
        (("1", "01"), ("01", "1"), [1, 0]),
        (("false", "true"), ("true", "false"), [1, 0]),
        (("no", "yes", "null"), ("null", "yes"), [2, 1]),
    ],
)
@pytest.mark.parametrize("file_format", ["tsv", "csv", "jsonl"])
def test_labels_are_matched_by_name_first(
    tmp_path: Path, label_names: tuple[str, ...], labels: tuple[object, ...], expected: list[int], file_format: str
) -> None:
    for split in ("train", "dev"):
        _write(tmp_path, f"{split}.{file_format}", [(f"text {row}", label) for row, label in enumerate(labels)])
    splits = load(
        _data(file_format).model_copy(update={"label_names": label_names}), tmp_path, seed=0, task="classification"
    )
    assert splits.train.labels_N.tolist() == expected


@pytest.mark.parametrize(("label_names", "known"), [(("1", "2", "3"), "1, 2, 3"), (("01", "02"), "01, 02")])
def test_a_number_is_not_an_index_if_names_are_numbers(
    tmp_path: Path, label_names: tuple[str, ...], known: str
) -> None:
    for split in ("train", "dev"):
        _write(tmp_path, f"{split}.tsv", [("a", label_names[0]), ("b", "0")])
    data = _data("tsv").model_copy(update={"label_names": label_names})
    with pytest.raises(InputError, match=rf"train\.tsv:3: unknown label '0'.*: known: {known}$"):
        load(data, tmp_path, seed=0, task="classification")


@pytest.mark.parametrize("kind", [bool, int, float])
@pytest.mark.parametrize("label_names", [("false", "true"), ("False", "True"), ("0", "1"), ("negative", "positive")])
@pytest.mark.parametrize("file_format", ["jsonl", "parquet"])
def test_booleans_and_numbers_are_labels(
    tmp_path: Path, kind: Callable[[int], object], label_names: tuple[str, ...], file_format: str
) -> None:
    for split in ("train", "dev"):
        _write(tmp_path, f"{split}.{file_format}", [("a", kind(1)), ("b", kind(0))])
    data = _data(file_format).model_copy(update={"label_names": label_names})
    assert load(data, tmp_path, seed=0, task="classification").train.labels_N.tolist() == [1, 0]


@pytest.mark.parametrize(
    ("label_names", "label"),
    [(("v1", "v2"), "v1.0"), (("1.0", "2.0"), "0"), (("-2", "-1"), "1"), (("negative", "positive"), "01")],
)
def test_a_label_that_is_only_similar_is_refused(tmp_path: Path, label_names: tuple[str, ...], label: str) -> None:
    for split in ("train", "dev"):
        _write(tmp_path, f"{split}.tsv", [("a", label_names[0]), ("b", label)])
    with pytest.raises(InputError, match=rf"train\.tsv:3: unknown label '{label}'"):
        load(_data("tsv").model_copy(update={"label_names": label_names}), tmp_path, seed=0, task="classification")


def test_files_may_be_compressed_and_end_in_empty_lines(tmp_path: Path) -> None:
    for split in ("train", "dev"):
        (tmp_path / f"{split}.csv.gz").write_bytes(gzip.compress(b"sentence,label,,\na,1,,\nb,0,,\n\n\n"))
    data = _data("csv", train="train.csv.gz", validation="dev.csv.gz")
    assert load(data, tmp_path, seed=0, task="classification").train.texts == ("a", "b")


@pytest.mark.parametrize("file_format", ["tsv", "csv"])
def test_texts_are_read_verbatim(tmp_path: Path, file_format: str) -> None:
    texts = ("007", "1e5", " 1.50", "True", "NaN", "-0")
    for split in ("train", "dev"):
        _write(tmp_path, f"{split}.{file_format}", [(text, row % 2) for row, text in enumerate(texts)])
    assert _load(tmp_path, file_format).train.texts == texts


@pytest.mark.parametrize("file_format", ["tsv", "csv", "jsonl"])
def test_a_column_may_change_its_type_late(tmp_path: Path, file_format: str) -> None:
    rows: list[tuple[str, object]] = [(f"text {row}", row % 5) for row in range(20_000)]
    for split in ("train", "dev"):
        _write(tmp_path, f"{split}.{file_format}", [*rows, ("last", 2.5)])
    data = _data(file_format).model_copy(update={"label_names": ()})
    assert load(data, tmp_path, seed=0, task="regression").train.labels_N[-1] == 2.5


def test_a_hub_data_set_may_number_its_labels_in_another_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from datasets import ClassLabel, Dataset, Features, Value

    folder = tmp_path / "some-user" / "some-data"
    folder.mkdir(parents=True)
    features = Features({"sentence": Value("string"), "label": ClassLabel(names=["positive", "negative"])})
    table = Dataset.from_dict({"sentence": ["good", "bad"], "label": [0, 1]}, features=features)
    for split in ("train", "validation"):
        table.to_parquet(str(folder / f"{split}.parquet"))
    monkeypatch.chdir(tmp_path)
    data = _data("hub", dataset="some-user/some-data", train="train", validation="validation")
    assert load(data, None, seed=0, task="classification").train.labels_N.tolist() == [1, 0]


def test_a_hub_data_set_is_loaded_by_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`datasets` loads a folder and a hub name with the same call."""
    folder = tmp_path / "some-user" / "some-data"
    folder.mkdir(parents=True)
    for split in ("train", "validation"):
        _write(folder, f"{split}.jsonl", list(GOOD))
    monkeypatch.chdir(tmp_path)
    data = _data("hub", dataset="some-user/some-data", train="train", validation="validation")
    assert load(data, None, seed=0, task="classification").train.texts[0] == "a fine film"


def test_a_recipe_for_files_accepts_a_hub_data_set(
    tmp_path: Path, recipe_file: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "some-user" / "some-data"
    folder.mkdir(parents=True)
    for split in ("train", "validation"):
        _write(folder, f"{split}.jsonl", [(f"{split}: {text}", label) for text, label in GOOD])
    monkeypatch.chdir(tmp_path)
    _, _, splits = prepare(str(recipe_file()), None, None, "some-user/some-data", None)
    assert len(splits.train) == len(splits.validation) == len(GOOD)


@pytest.mark.parametrize(
    ("rows", "changes", "message"),
    [
        (
            GOOD,
            {"text": "text"},
            "{train}:1: no column 'text' (columns: sentence, label): set it in the recipe's [data]",
        ),
        (
            [*GOOD, ("x", 2)],
            {},
            "{train}:6: unknown label '2': known: 0 negative, 1 positive",
        ),
        (
            [*GOOD, ("x", "positiv")],
            {},
            "{train}:6: unknown label 'positiv', did you mean 'positive'?: known: 0 negative, 1 positive",
        ),
        ([*GOOD, ("x", "")], {}, "{train}:6: no label: give one of: 0 negative, 1 positive"),
        ([("a", 1), (" ", 0)], {}, "{train}:3: empty 'sentence': remove the row or give it a text"),
        (
            [("a", 1), ("b", 1)],
            {},
            "{train}: all 2 rows have the label 'positive': a split needs sentences of at least two classes",
        ),
        ([], {}, "{train}: no rows: a split needs sentences of at least two classes"),
    ],
)
def test_an_error_names_file_and_line(
    tmp_path: Path, rows: list[tuple[str, object]], changes: dict[str, str], message: str
) -> None:
    _write(tmp_path, "train.tsv", rows)
    _write(tmp_path, "dev.tsv", list(GOOD))
    with pytest.raises(InputError) as error:
        _load(tmp_path, "tsv", **changes)
    assert str(error.value) == message.format(train=tmp_path / "train.tsv")


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("tsv", "sentence\tlabel\na\t1\nb\t0\textra\n", ":3: 3 columns, the header has 2"),
        ("tsv", "sentence\tlabel\na\t1\nb\n", ":3: no label: give one of"),
        ("tsv", "sentence\tlabel\na\t1\n\n \t0\n", ":4: empty 'sentence'"),
        ("tsv", b"\xef\xbb\xbf", ": no rows"),
        ("tsv", "", ": empty"),
        ("tsv", "sentence\tlabel\tsentence\na\t1\tb\nc\t0\td\n", ":1: two columns are named 'sentence'"),
        ("tsv", "sentence\tlabel\na\t1\nb\0c\t0\n", ":3: a NUL in 'sentence'"),
        ("tsv", b"sentence\tlabel\n\xff\xfe\t1\n", ": cannot be read ('utf-8' codec can't decode byte 0xff"),
        ("csv", 'sentence,label\n"of\ntwo lines",1\nb,2\n', ":4: unknown label '2'"),
        (
            "csv",
            'sentence,label\na,1\n"b,0\n',
            ":3: cannot be read (unexpected end of data): quote a text that contains quotation marks like this",
        ),
        (
            "jsonl",
            '{"sentence": "a", "label": 1}\n\n{"sentence": ["b"], "label": 0}\n',
            ":3: 'sentence' is not a string (list",
        ),
        (
            "jsonl",
            '{"sentence": "a", "label": 1}\n{"sentence": 7, "label": 0}\n',
            ":2: 'sentence' is not a string (int: '7')",
        ),
        ("jsonl", '{"sentence": "a", "label": 1}\n{"label": 0}\n', ":2: empty 'sentence'"),
        ("jsonl", '{"sentence": "a", "label": 1}\n{"sentence": "b"\n', ":2: not valid JSON (Expecting ',' delimiter"),
        ("jsonl", '[{"sentence": "a", "label": 1}]\n', ":1: not a JSON object: write one object per line"),
        ("jsonl", '{"sentence": "a \\ud800", "label": 1}\n', ":1: a lone surrogate in 'sentence'"),
        ("csv", '"sentence,label\n', ":1: cannot be read (unexpected end of data)"),
        ("jsonl", "[" * 200_000, ":1: not valid JSON ("),
        ("parquet", "not parquet", ": cannot be read as parquet"),
    ],
)
def test_a_broken_file_is_one_line(tmp_path: Path, name: str, text: str | bytes, message: str) -> None:
    path = tmp_path / f"train.{name}"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    _write(tmp_path, f"dev.{name}", list(GOOD))
    with pytest.raises(InputError) as error:
        _load(tmp_path, name)
    assert str(error.value).startswith(f"{path}{message}")
    assert "\n" not in str(error.value)


def test_no_folder_and_no_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="this recipe reads files: give their folder with --data"):
        load(_data("tsv"), None, seed=0, task="classification")
    with pytest.raises(InputError, match="no such file: check --data"):
        _load(tmp_path, "tsv")


def test_identical_splits_are_refused(tmp_path: Path, recipe_file: Callable[..., Path]) -> None:
    for split in ("train", "dev"):
        _write(tmp_path, f"{split}.tsv", list(GOOD))
    with pytest.raises(InputError, match=r"every training sentence is also in the validation split: use a "):
        prepare(str(recipe_file()), tmp_path, None, None, None)

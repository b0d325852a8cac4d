"""The task's sentences, read through Hugging Face `datasets` from files or the hub, or generated."""

import csv
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from contract.errors import InputError, needs_extra
from distill import tasks
from distill.data import sentences
from distill.recipe.data import Data
from distill.tasks.rows import Rows

if TYPE_CHECKING:
    from datasets import Dataset

GENERATED_ROWS = {"train": 4_000, "validation": 1_000}


@dataclass(frozen=True, kw_only=True, slots=True)
class Splits:
    """Both splits of a task's data."""

    train: Rows
    validation: Rows


def load(data: Data, folder: Path | None, seed: int, task: tasks.Name = "classification") -> Splits:
    """Load and check both splits.

    Args:
        data: the recipe's section.
        folder: where the files lie (--data).
        seed: of generated sentences, and of the rows drawn.
        task: the kind of task, which says what a label is.

    Raises:
        InputError: a file or column is missing, two columns have one name, a label is out of range, a split is empty
            or of one label.
    """
    kind = tasks.get(task)
    if data.format == "generated":
        generated = sentences.generate(GENERATED_ROWS, seed)
        train, validation = generated["train"], generated["validation"]
    else:
        tables = _hub_tables(data) if data.format == "hub" else _file_tables(data, folder, kind.NO_ROWS_CURE)
        train = _rows(kind, tables["train"], data, *_where(data, folder, data.train))
        validation = _rows(kind, tables["validation"], data, *_where(data, folder, data.validation))
    return Splits(train=_drawn(train, data.train_rows, seed), validation=validation)


def _drawn(rows: Rows, count: int | None, seed: int) -> Rows:
    """Draw some of the rows, in their own order."""
    if count is None or count >= len(rows):
        return rows
    return rows.take(np.sort(np.random.default_rng(seed).choice(len(rows), count, replace=False)).tolist())


def _where(data: Data, folder: Path | None, split: str) -> tuple[str, int]:
    """Return how errors name a split, and the line of its first row."""
    if data.format == "hub":
        return f"{data.dataset}[{split}]", 1
    assert folder is not None, "_file_tables refuses files without a folder"
    return str(folder / split), 2 if data.format in ("tsv", "csv") else 1


def _rows(kind: tasks.Task, table: "Dataset", data: Data, source: str, first_line: int) -> Rows:
    columns = {name: table[name][:] for name in table.column_names}
    return kind.read_rows(
        columns,
        text=data.text,
        text_pair=data.text_pair,
        label=data.label,
        label_names=data.label_names,
        source=source,
        first_line=first_line,
    )


def _file_tables(data: Data, folder: Path | None, cure: str) -> "dict[str, Dataset]":
    if folder is None:
        raise InputError("this recipe reads files", f"name their folder with --data (it must hold {data.train})")
    files = {"train": folder / data.train, "validation": folder / data.validation}
    for path in files.values():
        if not path.is_file():
            raise InputError(f"{path}: no such file", "check --data and the recipe's [data]")
        if path.stat().st_size == 0:
            raise InputError(f"{path}: empty", cure)
    return {split: _read_file(path, data.format, cure) for split, path in files.items()}


def _read_file(path: Path, file_format: str, cure: str) -> "Dataset":
    with needs_extra("distill"):
        import datasets
        from datasets.exceptions import DatasetGenerationError
    datasets.disable_progress_bars()
    builder, options = _READERS[file_format]
    try:
        table = datasets.load_dataset(builder, data_files=str(path), split="train", **options)
    except (DatasetGenerationError, ValueError, OSError) as error:
        reason = str(error.__cause__ or error).strip().splitlines()[-1]
        if "corresponds to no data" in reason:
            raise InputError(f"{path}: no rows", cure) from error
        raise InputError(f"{path}: cannot be read as {file_format} ({reason})") from error
    if builder == "csv":
        _check_header(path, options)
    return table


def _check_header(path: Path, options: dict[str, Any]) -> None:
    """Refuse a column that is named twice: which of them is meant cannot be known, and pandas would take the first."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        quoting = options.get("quoting", csv.QUOTE_MINIMAL)
        header = next(csv.reader(file, delimiter=options.get("sep", ","), quoting=quoting))
    twice = [name for name, count in Counter(filter(None, header)).items() if count > 1]
    if twice:
        raise InputError(f"{path}:1: two columns are named {twice[0]!r}", "rename one of them")


# TSV as GLUE has it: a quotation mark is a character like any other.
# `na_filter`: the word "null" is a word. `skip_blank_lines`: a row's number gives its line.
_TABLE: dict[str, Any] = {"na_filter": False, "skip_blank_lines": False}
_READERS: dict[str, tuple[str, dict[str, Any]]] = {
    "tsv": ("csv", {**_TABLE, "sep": "\t", "quoting": csv.QUOTE_NONE}),
    "csv": ("csv", _TABLE),
    "jsonl": ("json", {}),
    "parquet": ("parquet", {}),
}


def _hub_tables(data: Data) -> "dict[str, Dataset]":
    with needs_extra("distill"):
        import datasets
    datasets.disable_progress_bars()
    name, _, configuration = data.dataset.partition(":")
    if not name:
        raise InputError("this recipe reads a hub data set", "name it with --dataset NAME[:CONFIGURATION]")
    tables = {}
    for role, split in (("train", data.train), ("validation", data.validation)):
        try:
            tables[role] = datasets.load_dataset(name, configuration or None, split=split)
        except (OSError, ValueError, RuntimeError) as error:
            reason = str(error).strip().splitlines()[0]
            raise InputError(
                f"data set {data.dataset!r}: split {split!r} cannot be loaded ({reason})",
                "check the name, the split, and that the hub or its cache can be reached",
            ) from error
    return tables

"""Finds the training and the validation rows: in a file, a folder, or a data set of the hub."""

import re
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from contract.errors import InputError, needs_extra
from contract.names import slug_of
from distill.data import files
from distill.data.class_names import of_features
from distill.data.suffixes import SUFFIXES, format_of
from distill.data.table import Table

TRAINING = ("train", "training")
# Enough lines to tell words with tags from a table with a header.
TAGGED_LINES = 50
SHOWN_FILES = 8
TAG = re.compile(r"O|[BIESLU]-\S+")
VALIDATION = ("validation", "dev", "valid", "val", "test")


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """Where a task's rows are.

    Attributes:
        name: What to call the recipe.
        format: Of the files; `hub` for a data set of the hub.
        dataset: Its name; empty for files.
        train, validation: Files or splits; no validation means that rows are held out of the training rows.
        table: The training rows.
    """

    name: str
    format: str
    dataset: str
    train: str
    validation: str
    table: Table


def is_data(name: str) -> bool:
    """Whether a name is that of a data file, or of a folder, rather than of a recipe."""
    path = Path(name)
    return path.is_dir() or format_of(path) is not None


def find(data: str, validation: str | None) -> Source:
    """Find the rows that the user means.

    Args:
        data: A file, a folder with a training file, or the name of a data set of the hub.
        validation: A file or split; looked for if not given.

    Raises:
        InputError: There is no such file, its format is not known, or a folder has no training file or several.
    """
    path = Path(data)
    if path.is_dir():
        return _of_file(_training_file(path), validation)
    if path.is_file():
        return _of_file(path, validation)
    if format_of(path) is not None or data.startswith((".", "/", "~")) or data.count("/") > 1:
        raise InputError(f"{data}: no such file or folder", "name a data file, a folder, or a data set of the hub")
    return _of_hub(data, validation)


def _training_file(folder: Path) -> Path:
    found = _named(folder, TRAINING)
    if not found:
        raise _no_training_file(folder)
    if len(found) > 1:
        raise InputError(f"{folder}: several training files: {', '.join(path.name for path in found)}", "name one")
    return found[0]


def _no_training_file(folder: Path) -> InputError:
    """Return the error of a folder without a training file, which names what could be meant instead."""
    entries = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    files_there = [path for path in entries if path.is_file()]
    known = [path for path in files_there if format_of(path) is not None]
    has = ", ".join(path.name for path in (known or files_there)[:SHOWN_FILES]) or "no data files"
    if known:
        cure = f"name the file itself, such as {known[0]}, and with --validation one to judge on"
    elif files_there:
        cure = f"save the data with one of the suffixes {', '.join(SUFFIXES)}"
    else:
        inner = [path for path in entries if path.is_dir() and _named(path, TRAINING)]
        cure = f"name the folder itself: {inner[0]}" if inner else "name a data file, or a folder with train.csv"
    return InputError(f"{folder}: no file named train (it has: {has})", cure)


def _named(folder: Path, names: tuple[str, ...]) -> list[Path]:
    """Return the data files whose name begins with the first of some names that any has."""
    data = sorted(path for path in folder.iterdir() if path.is_file() and format_of(path) is not None)
    for name in names:
        found = [path for path in data if path.name.lower().startswith(name)]
        if found:
            return found
    return []


def _of_file(train: Path, validation: str | None) -> Source:
    file_format = "conll" if _is_conll(train) else format_of(train)
    if file_format is None:
        known = ", ".join(SUFFIXES)
        raise InputError(f"{train}: unknown format {train.suffix!r}", f"save it with one of the suffixes {known}")
    other = Path(validation) if validation else _validation_file(train)
    if other is not None and not other.is_file():
        raise InputError(f"{other}: no such file", "check --validation")
    name = train.stem.split(".")[0]
    return Source(
        name=slug_of(train.resolve().parent.name if name.lower().startswith(TRAINING) else name),
        format=file_format,
        dataset="",
        train=str(train),
        validation=str(other) if other else "",
        table=files.read(train, file_format, "a recipe needs rows of at least two labels"),
    )


def _is_conll(path: Path) -> bool:
    """Whether a text file has no header, but a word and its tag a line."""
    if format_of(path) not in (None, "tsv", "conll") or path.suffix == ".gz":
        return False
    with path.open(encoding="utf-8-sig", errors="replace") as file:
        lines = [line.split() for line in islice(file, TAGGED_LINES) if line.strip()]
    words = [columns for columns in lines if columns[0] != files.DOCUMENT_START]
    return bool(words) and all(len(columns) > 1 and TAG.fullmatch(columns[-1]) for columns in words)


def _validation_file(train: Path) -> Path | None:
    """Return a validation file beside a file that is named as a training file."""
    if not train.name.lower().startswith(TRAINING):
        return None
    alike = [path for path in _named(train.parent, VALIDATION) if format_of(path) == format_of(train)]
    return alike[0] if alike else None


def _of_hub(dataset: str, validation: str | None) -> Source:
    with needs_extra("distill"):
        import datasets
    datasets.disable_progress_bars()
    name, _, configuration = dataset.partition(":")
    try:
        splits = datasets.get_dataset_split_names(name, configuration or None)
        train = next((split for split in splits if split.startswith(TRAINING)), splits[0])
        rows = datasets.load_dataset(name, configuration or None, split=train)
    except (OSError, ValueError, RuntimeError) as error:
        reason = str(error).strip().splitlines()[0]
        cure = "name a data file, a folder, or a data set of the hub as NAME or NAME:CONFIGURATION"
        raise InputError(f"{dataset}: cannot be loaded ({reason})", cure) from error
    return Source(
        name=slug_of(name.rpartition("/")[2]),
        format="hub",
        dataset=dataset,
        train=train,
        validation=validation or next((split for split in VALIDATION if split in splits), ""),
        table=Table(
            columns={column: rows[column][:] for column in rows.column_names},
            source=f"{dataset}[{train}]",
            lines=range(1, len(rows) + 1),
            class_names=of_features(rows.features.to_dict()),
        ),
    )

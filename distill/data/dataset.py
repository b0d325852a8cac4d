"""The task's sentences, read from files or, by Hugging Face `datasets`, from the hub, or generated."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from contract.errors import InputError, needs_extra
from distill import tasks
from distill.data import files, sentences
from distill.data.rows import Rows
from distill.data.table import Table
from distill.recipe.data import Data
from infer.tasks import Name

if TYPE_CHECKING:
    from datasets import Dataset

GENERATED_ROWS = {"train": 4_000, "validation": 1_000}


@dataclass(frozen=True, kw_only=True, slots=True)
class Splits:
    """Both splits of a task's data."""

    train: Rows
    validation: Rows


def load(data: Data, folder: Path | None, seed: int, task: Name) -> Splits:
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
        train, validation = (kind.read_rows(tables[split], data) for split in ("train", "validation"))
    return Splits(train=_drawn(train, data.train_rows, seed), validation=validation)


def check_apart(splits: Splits) -> None:
    """Check that there are training sentences that are not validated on.

    Raises:
        InputError: there is none.
    """
    if set(_texts(splits.train)) <= set(_texts(splits.validation)):
        raise InputError(
            "every training sentence is also in the validation split", "give a validation split of other sentences"
        )


def _texts(rows: Rows) -> Iterable[tuple[str, str]]:
    return zip(rows.texts, rows.pairs or rows.texts, strict=True)


def _drawn(rows: Rows, count: int | None, seed: int) -> Rows:
    """Draw some of the rows, in their own order."""
    if count is None or count >= len(rows):
        return rows
    return rows.take(np.sort(np.random.default_rng(seed).choice(len(rows), count, replace=False)).tolist())


def _file_tables(data: Data, folder: Path | None, cure: str) -> dict[str, Table]:
    if folder is None:
        raise InputError("this recipe reads files", f"name their folder with --data (it must hold {data.train})")
    names = {"train": data.train, "validation": data.validation}
    return {split: files.read(folder / name, data.format, cure) for split, name in names.items()}


def _hub_tables(data: Data) -> dict[str, Table]:
    with needs_extra("distill"):
        import datasets
    datasets.disable_progress_bars()
    name, _, configuration = data.dataset.partition(":")
    if not name:
        raise InputError("this recipe reads a hub data set", "name it with --dataset NAME[:CONFIGURATION]")
    tables = {}
    for role, split in (("train", data.train), ("validation", data.validation)):
        try:
            found = datasets.load_dataset(name, configuration or None, split=split)
        except (OSError, ValueError, RuntimeError) as error:
            reason = str(error).strip().splitlines()[0]
            raise InputError(
                f"data set {data.dataset!r}: split {split!r} cannot be loaded ({reason})",
                "check the name, the split, and that the hub or its cache can be reached",
            ) from error
        tables[role] = _hub_table(found, data, f"{data.dataset}[{split}]")
    return tables


def _hub_table(found: "Dataset", data: Data, source: str) -> Table:
    columns = {name: found[name][:] for name in found.column_names}
    feature = found.features.get(data.label)
    names = getattr(feature, "names", None) or getattr(getattr(feature, "feature", None), "names", None)
    if names is not None and sorted(names) == sorted(data.label_names):
        # The data set numbers its labels in an order of its own.
        columns[data.label] = [_named(value, names) for value in columns[data.label]]
    return Table(columns=columns, source=source, lines=range(1, len(found) + 1))


def _named(value: Any, names: Sequence[str]) -> Any:
    """Return the name of a label, or of each in a list; a number below 0 says that there is none."""
    if isinstance(value, list):
        return [_named(one, names) for one in value]
    return names[value] if value >= 0 else value

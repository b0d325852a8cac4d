"""Load the task's sentences: from files, from the Hugging Face hub, or generated."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from contract.errors import InputError, needs_extra
from distill import tasks
from distill.data import class_names, files, generated
from distill.data.hold_out import hold_out
from distill.data.rows import Rows, Splits
from distill.data.table import Table
from distill.recipe.data import Data
from infer.tasks import Name

if TYPE_CHECKING:
    from datasets import Dataset

GENERATED_ROWS = {"train": 4_000, "validation": 1_000}


def load(data: Data, folder: Path | None, seed: int, task: Name) -> Splits:
    """Load and check both splits.

    Args:
        data: the recipe's [data] section.
        folder: folder of the files (--data).
        seed: seed for generated sentences and for drawing `train_rows`.
        task: name of the task, which defines the labels.

    Returns:
        Both splits; if the recipe names no validation split, rows are held out of the training rows.

    Raises:
        InputError: a file or column is missing, two columns share a name, a label is unknown, or a split is empty or
            has a single label.
    """
    module = tasks.get(task)
    if data.format == "generated":
        rows = generated.generate(GENERATED_ROWS, seed)
        train, validation = rows["train"], rows["validation"]
    else:
        named = {
            split: class_names.with_named_labels(table, data.label, data.label_names)
            for split, table in tables(data, folder, task).items()
        }
        rows = {split: module.read_rows(table, data) for split, table in named.items()}
        if "validation" not in rows:
            return _draw_train(hold_out(rows["train"], task, seed), data.train_rows, seed)
        train, validation = rows["train"], rows["validation"]
    return _draw_train(Splits(train=train, validation=validation), data.train_rows, seed)


def tables(data: Data, folder: Path | None, task: Name) -> dict[str, Table]:
    """Read the raw values of each split, `train` and `validation`, that the recipe names.

    Args:
        data, folder, task: as for `load`.

    Raises:
        InputError: a file, or a split of the hub, is missing or cannot be read.
    """
    return _hub_tables(data) if data.format == "hub" else _file_tables(data, folder, tasks.get(task).NO_ROWS_CURE)


def _draw_train(splits: Splits, count: int | None, seed: int) -> Splits:
    return Splits(train=_draw(splits.train, count, seed), validation=splits.validation)


def _draw(rows: Rows, count: int | None, seed: int) -> Rows:
    """Draw some of the rows, keeping their order."""
    if count is None or count >= len(rows):
        return rows
    return rows.take(np.sort(np.random.default_rng(seed).choice(len(rows), count, replace=False)).tolist())


def _file_tables(data: Data, folder: Path | None, cure: str) -> dict[str, Table]:
    if folder is None:
        raise InputError("this recipe reads files", f"give their folder with --data (it must contain {data.train})")
    return {split: files.read(folder / name, data.format, cure) for split, name in _names(data).items()}


def _names(data: Data) -> dict[str, str]:
    """Return the files or splits by role, without those that the recipe leaves out."""
    names = {"train": data.train, "validation": data.validation}
    return {role: name for role, name in names.items() if name}


def _hub_tables(data: Data) -> dict[str, Table]:
    with needs_extra("distill"):
        import datasets
    datasets.disable_progress_bars()
    name, _, configuration = data.dataset.partition(":")
    if not name:
        raise InputError("this recipe reads a hub data set", "give its name with --dataset NAME[:CONFIGURATION]")
    read = {}
    for role, split in _names(data).items():
        try:
            dataset = datasets.load_dataset(name, configuration or None, split=split)
        except (OSError, ValueError, RuntimeError) as error:
            reason = str(error).strip().splitlines()[0]
            raise InputError(
                f"data set {data.dataset!r}: split {split!r} cannot be loaded ({reason})",
                "check the name, the split, and that the hub or its cache can be reached",
            ) from error
        read[role] = _hub_table(dataset, f"{data.dataset}[{split}]")
    return read


def _hub_table(dataset: "Dataset", source: str) -> Table:
    return Table(
        columns={name: dataset[name][:] for name in dataset.column_names},
        source=source,
        lines=range(1, len(dataset) + 1),
        class_names=class_names.of_features(dataset.features.to_dict()),
    )

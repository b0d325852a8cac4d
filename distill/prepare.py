"""Read and check everything that a distillation needs, before anything is written."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from contract.errors import InputError, require
from contract.progress import note
from distill import recipe as recipes
from distill.init import source as own_data
from distill.init.draft import draft
from distill.model import layout
from distill.recipe import Recipe, shape
from distill.student import layer_map

if TYPE_CHECKING:
    from distill.data.rows import Splits
    from distill.model.source import Encoder


class Asked(NamedTuple):
    """The arguments of `prepare`."""

    recipe: str
    data: Path | None
    teacher: str | None
    dataset: str | None
    changes: tuple[str, ...]
    validation: str | None


def prepare(
    recipe: str,
    data: Path | None = None,
    teacher: str | None = None,
    dataset: str | None = None,
    changes: Sequence[str] | None = None,
    *,
    validation: str | None = None,
) -> "tuple[Recipe, Encoder, Splits]":
    """Return the recipe, its teacher's model and its data.

    Args:
        recipe: a TOML file, the name of a built-in recipe, or data to draft a recipe for.
        data: folder of the recipe's files.
        teacher: another teacher.
        dataset: a hub data set instead of files.
        changes: `key=value` changes of the recipe.
        validation: file or split to judge on, instead of the recipe's.

    Raises:
        InputError: the recipe, a model or file it names, or the data cannot be used.
    """
    asked = Asked(recipe, data, teacher, dataset, tuple(changes or ()), validation)
    document, folder = _read_recipe(asked)
    require("torch", "transformers", "accelerate", "datasets", "sklearn", "tensorboard", extra="distill")
    from distill import complete
    from distill.data import dataset as datasets
    from distill.data.overlap import check_splits_differ
    from distill.model import source

    encoder = source.locate(document.teacher.model)
    layout.check(encoder.folder, encoder.name)
    _check_layers(document, encoder)
    document = complete.with_labels(document, folder, encoder.folder)
    # Data comes first: reading it takes a second, and what checks a model imports torch.
    splits = datasets.load(document.data, folder, document.seed, document.task)
    check_splits_differ(splits)
    document = complete.with_floor(document, splits.validation)
    from distill import prerequisites

    prerequisites.check(document, encoder)
    return document, encoder, splits


def _check_layers(recipe: Recipe, encoder: "Encoder") -> None:
    """Check the layers to copy, if config.json counts the teacher's; they are counted in the model itself later."""
    layers = layout.layers_of(encoder.folder, encoder.name)
    if recipe.student.layers and layers is not None:
        layer_map.check_layers(recipe.student.layers, layers, "student.layers")


def _read_recipe(asked: Asked) -> tuple[Recipe, Path | None]:
    """Return the recipe with the user's changes, and the folder of its files, if any is known."""
    document = _draft(asked) if own_data.is_data(asked.recipe) else recipes.read(asked.recipe)
    overrides = _overrides(asked, document)
    if overrides:
        document = recipes.with_overrides(document, overrides)
    if document.student.preset:
        shape.preset(document.student.preset)
    if asked.data is not None:
        _check_data(asked.data, document)
    if document.general and document.start != "general":
        note(f"section [general] is not used, the start is {document.start!r}")
    return document, asked.data or _folder(asked.recipe)


def _check_data(data: Path, document: Recipe) -> None:
    if not document.data.reads_files:
        origin = "are generated" if document.data.format == "generated" else "come from the hub"
        raise InputError(
            f"--data {data}: the sentences of {document.name} {origin}",
            f"leave it out, or distil your own data: tinybert run {data}",
        )
    if data.is_file():
        raise InputError(f"--data {data}: a file, not a folder", f"to distil it: tinybert run {data}")
    if not data.is_dir():
        raise InputError(f"--data {data}: no such folder", "give the folder of the recipe's files")


def _draft(asked: Asked) -> Recipe:
    if asked.data is not None or asked.dataset is not None:
        raise InputError(f"{asked.recipe}: is data itself, not a recipe", "leave out --data and --dataset")
    drafted = draft(asked.recipe, beside=Path(), validation=asked.validation, teacher=asked.teacher)
    for line in drafted.assumed:
        note(line)
    note(f"to see and change the recipe: tinybert init {asked.recipe}")
    return recipes.parse_recipe(drafted.text, f"the recipe drafted for {asked.recipe}")


def _overrides(asked: Asked, document: Recipe) -> tuple[str, ...]:
    overrides = [] if asked.teacher is None else [f"teacher.model={json.dumps(asked.teacher)}"]
    if asked.dataset is not None:
        overrides += ['data.format="hub"', f"data.dataset={json.dumps(asked.dataset)}"]
        if document.data.format != "hub":  # the recipe names files; the hub's splits have the usual names
            overrides += ['data.train="train"', 'data.validation="validation"']
    if asked.validation is not None and not own_data.is_data(asked.recipe):
        overrides.append(f"data.validation={json.dumps(asked.validation)}")
    return (*overrides, *asked.changes)


def _folder(recipe: str) -> Path | None:
    """Return the folder of a user's own recipe or data, which the recipe's file names are relative to."""
    if own_data.is_data(recipe):
        return Path()
    return Path(recipe).parent if Path(recipe).is_file() else None

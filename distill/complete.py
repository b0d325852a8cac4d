"""The keys of a recipe whose default depends on its data or its teacher. Torch-free."""

from pathlib import Path
from typing import TYPE_CHECKING

from contract.errors import InputError
from contract.progress import note
from contract.strict import parse
from distill import tasks
from distill.data import dataset, generated
from distill.data.class_names import labels_of
from distill.data.rows import check_columns
from distill.init.labels import in_order_of
from distill.recipe import Recipe
from infer.tasks import constant

if TYPE_CHECKING:
    from distill.data.rows import Rows

SHOWN_LABELS = 8


def with_labels(recipe: Recipe, folder: Path | None, teacher: Path) -> Recipe:
    """Return a recipe with the labels in its training rows, unless it names its own or has scores.

    Args:
        recipe: the recipe.
        folder: folder of its files.
        teacher: folder of its teacher, whose order counts if it is trained for these labels.

    Raises:
        InputError: the training rows cannot be read, or their column of labels has no labels of this task.
    """
    if recipe.data.label_names or tasks.get(recipe.task).IS_SCORE:
        return recipe
    names = in_order_of(_names_in_data(recipe, folder), teacher)
    note(f"labels: {', '.join(names[:SHOWN_LABELS])}{', …' if len(names) > SHOWN_LABELS else ''}")
    document = recipe.model_dump(mode="json", exclude_unset=True)
    document["data"]["label_names"] = names
    return parse(Recipe, document, f"recipe {recipe.name}")


def _names_in_data(recipe: Recipe, folder: Path | None) -> tuple[str, ...]:
    data = recipe.data
    if data.format == "generated":
        return generated.LABEL_NAMES
    table = dataset.tables(data, folder, recipe.task)["train"]
    check_columns(table, data.label)
    names = table.class_names.get(data.label) or tasks.get(recipe.task).guess_label_names(labels_of(table, data.label))
    if not names:
        distinct = len(set(map(str, table.columns[data.label])))
        raise InputError(
            f"{table.source}: {distinct} different values in {data.label!r} are no labels for {recipe.task}",
            "set data.label to the column of the labels, or data.label_names",
        )
    return names


def with_floor(recipe: Recipe, validation: "Rows") -> Recipe:
    """Return a recipe whose teacher must not be worse than always the same answer, unless it has a floor of its own."""
    if "floor" in recipe.teacher.model_fields_set:
        return recipe
    always_same = constant.values(recipe.settings, validation.labels)[recipe.main_metric]
    teacher = recipe.teacher.model_copy(update={"floor": min(1.0, max(0.0, always_same))})
    return recipe.model_copy(update={"teacher": teacher})

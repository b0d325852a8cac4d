"""Hold out training rows to compare students on, so that the validation split stays unused."""

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from contract.errors import InputError
from distill import tasks
from distill.data.rows import Rows, Splits

if TYPE_CHECKING:
    from distill.recipe import Recipe

SHARE = 0.1
MAX_ROWS = 2_000
NAMED = 5


def hold_out_for_soup(recipe: "Recipe", splits: Splits) -> tuple[Splits, Rows | None]:
    """Return the splits without the rows that a greedy soup holds out, and those rows; None for any other recipe."""
    if recipe.soup is None or recipe.soup.kind != "greedy":
        return splits, None
    held_out = hold_out(splits.train, recipe.task, recipe.seed)
    return replace(splits, train=held_out.train), held_out.validation


def hold_out(rows: Rows, task: str, seed: int) -> Splits:
    """Split rows into training and held-out rows: a tenth, 2,000 at most, stratified by label.

    Rows with the same text stay together, so that no held-out text is trained on.

    Args:
        rows: rows of the training split.
        task: name of the task, which defines the strata.
        seed: seed for the draw.

    Raises:
        InputError: a label has too few rows.
    """
    from sklearn.model_selection import train_test_split

    numbers: dict[tuple[str, str], int] = {}
    texts = zip(rows.texts, rows.pairs or rows.texts, strict=True)
    group_N = np.asarray([numbers.setdefault(text, len(numbers)) for text in texts])
    group_G, first_G = np.unique(group_N, return_index=True)
    label_G = tasks.get(task).strata(rows.take(first_G.tolist()))
    _check_texts_of_labels(label_G)
    count = max(min(MAX_ROWS, round(SHARE * len(group_G))), len(np.unique(label_G)))
    _, held_out_groups = train_test_split(group_G, test_size=count, stratify=label_G, random_state=seed)
    is_held_out_N = np.isin(group_N, held_out_groups)
    return Splits(
        train=rows.take(np.flatnonzero(~is_held_out_N).tolist()),
        validation=rows.take(np.flatnonzero(is_held_out_N).tolist()),
    )


def _check_texts_of_labels(label_G: NDArray[Any]) -> None:
    """Check that each label has a text to train on and one to hold out."""
    labels, counts = np.unique(label_G, return_counts=True)
    single = labels[counts < 2].tolist()
    if single:
        named = "label number" if len(single) == 1 else "labels number"
        numbers = ", ".join(map(str, single[:NAMED])) + (", …" if len(single) > NAMED else "")
        cause = f"no rows can be held out of the training split: only one text has {named} {numbers}"
        raise InputError(cause, "give several texts for each label, or a validation file")

"""Part the training rows into those to train on and those to judge choices by, so that the validation split is not."""

from dataclasses import replace

import numpy as np

from contract.errors import InputError
from distill import tasks
from distill.data.dataset import Splits
from distill.data.rows import Rows
from distill.recipe import Recipe

SHARE = 0.1
MOST_ROWS = 2_000


def parted(recipe: Recipe, splits: Splits) -> tuple[Splits, Rows | None]:
    """Return the splits, and the training rows that a recipe's student is not trained on but judged by."""
    if recipe.soup is None or recipe.soup.kind != "greedy":
        return splits, None
    found = hold_out(splits.train, recipe.task, recipe.seed)
    return replace(splits, train=found.train), found.validation


def hold_out(rows: Rows, task: str, seed: int) -> Splits:
    """Part rows into those to train on and those to judge by: a tenth, 2,000 at most, labels in proportion.

    Rows of the same text stay together, so that no held-out text is trained on.

    Args:
        rows: of the training split.
        task: the kind, which says what labels are alike.
        seed: of the choice.

    Raises:
        InputError: too few rows of a label.
    """
    from sklearn.model_selection import train_test_split

    numbers: dict[tuple[str, str], int] = {}
    texts = zip(rows.texts, rows.pairs or rows.texts, strict=True)
    group_N = np.asarray([numbers.setdefault(text, len(numbers)) for text in texts])
    group_G, first_G = np.unique(group_N, return_index=True)
    label_G = tasks.get(task).strata(rows.take(first_G.tolist()))
    count = max(min(MOST_ROWS, round(SHARE * len(group_G))), len(np.unique(label_G)))
    try:
        _, held_out = train_test_split(group_G, test_size=count, stratify=label_G, random_state=seed)
    except ValueError as error:
        raise InputError(
            f"no rows can be held out of the training split ({error})", "give several texts of each label"
        ) from error
    is_held_out_N = np.isin(group_N, held_out)
    return Splits(
        train=rows.take(np.flatnonzero(~is_held_out_N).tolist()),
        validation=rows.take(np.flatnonzero(is_held_out_N).tolist()),
    )

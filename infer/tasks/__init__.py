"""The kinds of task by name; each is a torch-free module with the names of `Task`, imported when asked for."""

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Annotated, Any, Literal, Protocol, cast

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from infer.tasks import classification, regression
from infer.tasks.rows import Labels, Rows
from infer.tasks.score import Score
from infer.tasks.table import Table

Name = Literal["classification", "regression"]
MODULES: Mapping[str, str] = {
    "classification": "infer.tasks.classification",
    "regression": "infer.tasks.regression",
}
TaskSettings = Annotated[classification.Settings | regression.Settings, Field(discriminator="kind")]


def settings(kind: str, names: Sequence[str]) -> TaskSettings:
    """Return the settings of a kind of task, as recipes and folders of layout 1 tell them.

    Args:
        kind: its name.
        names: what each column of the logits stands for; empty where the answer is a number.
    """
    if kind == "regression":
        return regression.Settings()
    return classification.Settings(labels=tuple(names))


class Task(Protocol):
    """What a kind of task is made of. Shapes: N sentences, C outputs.

    Attributes:
        METRICS: what a recipe may judge by, the usual one first.
        NO_ROWS_CURE: what a split needs.
    """

    METRICS: tuple[str, ...]
    NO_ROWS_CURE: str

    def read_rows(
        self,
        table: Table,
        *,
        text: str,
        text_pair: str,
        label: str,
        label_names: Sequence[str],
    ) -> Rows:
        """Check raw columns and read their labels.

        Args:
            table: of N rows.
            text, text_pair, label: which columns; text_pair may be empty.
            label_names: of the labels; none where labels are scores.

        Raises:
            InputError: a row or column is not as it must be, with file and line.
        """
        ...

    def head(self, label_names: Sequence[str]) -> dict[str, Any]:
        """Return what a model's configuration must say of its outputs."""
        ...

    def check_head(self, config: Any, label_names: Sequence[str], name: str) -> None:
        """Check that a ready model has the outputs that the data has.

        Raises:
            InputError: it has others.
        """
        ...

    def check_answers(
        self, labels_N: Labels, logits_NC: NDArray[np.float32], metric: str, floor: float, name: str
    ) -> None:
        """Check that a ready model that is below the floor means the same by its outputs as the data.

        Raises:
            InputError: it would be above the floor if its outputs were read in another way.
        """
        ...

    def values(self, labels_N: Labels, logits_NC: NDArray[np.float32]) -> dict[str, float]:
        """Return every metric of a model's outputs."""
        ...

    def scores(self, labels_N: Labels, logits_NC: NDArray[np.float32]) -> dict[str, Score]:
        """Return every metric of a model's outputs with its interval."""
        ...


def get(name: str) -> Task:
    """Return the module of a kind of task.

    Raises:
        KeyError: there is none of that name.
    """
    return cast("Task", import_module(MODULES[name]))

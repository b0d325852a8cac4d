"""The half of a task that training needs. Shapes: N rows, C columns of logits."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from contract.ragged import Ragged
from distill.data.rows import Rows
from distill.data.table import Table
from infer.outputs import Outputs

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

    from distill.recipe.data import Data
    from distill.recipe.recipe import Recipe


class Training(Protocol):
    """What a module of distill/tasks/ has.

    Attributes:
        NO_ROWS_CURE: what a split needs.
        IS_SCORE: the output is a number to be near to, or else logits of classes.
        IS_OF_TOKENS: there are logits for each token, or else for a whole text.
        PIPELINE_TAG: how Hugging Face calls the task.
    """

    NO_ROWS_CURE: str
    IS_SCORE: bool
    IS_OF_TOKENS: bool
    PIPELINE_TAG: str

    def check(self, recipe: "Recipe") -> None:
        """Check that a recipe asks for nothing that this task has not.

        Raises:
            ValueError: it does.
        """
        ...

    def read_rows(self, table: Table, data: "Data") -> Rows:
        """Check raw columns and read their labels.

        Raises:
            InputError: a row or column is not as it must be, with file and line.
        """
        ...

    def model_class(self) -> Any:
        """Return the class of transformers that loads a model with the task's head."""
        ...

    def head(self, label_names: Sequence[str]) -> dict[str, Any]:
        """Return what a model's configuration must say of its outputs."""
        ...

    def is_ready(self, config: Any) -> bool:
        """Tell whether a model's configuration is that of a model trained for this task."""
        ...

    def check_head(self, config: Any, label_names: Sequence[str], name: str) -> None:
        """Check that a ready model has the outputs that the data has.

        Raises:
            InputError: it has others.
        """
        ...

    def check_answers(self, labels: Ragged, outputs: Outputs, metric: str, floor: float, name: str) -> None:
        """Check that a ready model that is below the floor means the same by its outputs as the data.

        Raises:
            InputError: it would be above the floor if its outputs were read in another way.
        """
        ...

    def labels(self, rows: Rows, tokenizer: "PreTrainedTokenizerFast", max_length_tokens: int) -> Ragged:
        """Return the labels as a model's outputs are judged by them: one a text, or one a token."""
        ...

    def strata(self, rows: Rows) -> NDArray[np.int64]:
        """Return the group of each row, shape (N,): a choice of rows keeps the groups' proportions."""
        ...

    def relabelled(self, rows: Rows, outputs: Outputs) -> Rows:
        """Return rows with a model's answers as their labels."""
        ...

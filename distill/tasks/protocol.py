"""The training half of a task. Shapes: N rows, C columns of logits."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

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


class TrainingTask(Protocol):
    """The names that a module of distill/tasks/ must define.

    Attributes:
        NO_ROWS_CURE: what a split needs, for error messages.
        IS_SCORE: whether the output is a score rather than logits of classes.
        PER_TOKEN: whether there are logits for each token rather than for the whole text.
        PIPELINE_TAG: name of the task on the Hugging Face hub.
        PROBLEM_TYPE: problem_type of a model's configuration, by which transformers chooses the loss; None if there is
            only one.
    """

    NO_ROWS_CURE: str
    IS_SCORE: bool
    PER_TOKEN: bool
    PIPELINE_TAG: str
    PROBLEM_TYPE: str | None

    def check_recipe(self, recipe: "Recipe") -> None:
        """Check that the task supports everything a recipe asks for.

        Raises:
            ValueError: the task does not support a setting.
        """
        ...

    def guess_label_names(self, values: Sequence[object]) -> tuple[str, ...] | None:
        """Return the label names of a column of labels, or None if the column does not look like this task's."""
        ...

    def read_rows(self, table: Table, data: "Data") -> Rows:
        """Check the raw columns and read their labels.

        Raises:
            InputError: a row or column is invalid, with file and line.
        """
        ...

    def model_class(self) -> Any:
        """Return the transformers class that loads a model with the task's head."""
        ...

    def head_config(self, label_names: Sequence[str]) -> dict[str, Any]:
        """Return the entries of a model configuration that define its outputs."""
        ...

    def is_fine_tuned(self, config: Any) -> bool:
        """Return whether a model configuration belongs to a model fine-tuned for this task."""
        ...

    def check_head(self, config: Any, label_names: Sequence[str], name: str) -> None:
        """Check that the outputs of a fine-tuned model match the data.

        Raises:
            InputError: the outputs differ.
        """
        ...

    def check_answers(self, labels: Ragged, outputs: Outputs, metric: str, floor: float, name: str) -> None:
        """Check that a fine-tuned model below the floor does not merely encode its answers differently than the data.

        Raises:
            InputError: the model would be above the floor if its outputs were interpreted differently.
        """
        ...

    def labels(self, rows: Rows, tokenizer: "PreTrainedTokenizerFast", max_length_tokens: int) -> Ragged:
        """Return the labels in the form of the model's outputs: one per text, or one per token."""
        ...

    def strata(self, rows: Rows) -> NDArray[np.int64]:
        """Return the stratum of each row, shape (N,), for stratified sampling."""
        ...


@runtime_checkable
class RelabellingTask(TrainingTask, Protocol):
    """A task whose teacher can label new rows; only such tasks support augmentation."""

    def relabel(self, rows: Rows, outputs: Outputs) -> Rows:
        """Return the rows with a model's answers as their labels."""
        ...

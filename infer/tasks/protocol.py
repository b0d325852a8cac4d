"""The half of a task that a device needs. Shapes: N examples, C columns of logits, K statistics of one example."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from contract.ragged import Ragged
from infer.encoder import Encoded
from infer.inference import Output
from infer.metrics.metric import Metric, Statistics
from infer.outputs import Outputs
from infer.tasks.settings import Settings


class Task(Protocol):
    """What a module of infer/tasks/ has.

    Attributes:
        METRICS: what a recipe may judge by, the usual one first.
        REQUIRES: modules of the extra `report` that the metrics and their intervals need.
        READS: what of the last layer the answer is made of: its `first` token, or `all` of them.
    """

    METRICS: tuple[Metric, ...]
    REQUIRES: tuple[str, ...]
    READS: Literal["first", "all"]

    def settings(self, names: Sequence[str]) -> Settings:
        """Return the settings of a model whose columns of logits have these names; none where they are a number."""
        ...

    def statistics(self, outputs: Outputs, labels: Ragged, settings: Any) -> Mapping[str, Statistics]:
        """Return what each metric is a function of, by its name, shape (N, K); without those that are not defined.

        Args:
            outputs: of N examples.
            labels: the right answers to them.
            settings: this task's.
        """
        ...

    def answer(self, output: Output, encoded: Encoded, settings: Any) -> Any:
        """Return what a user gets for a text: a frozen dataclass, or a list of them.

        Args:
            output: The model's, for this text.
            encoded: The text with its tokens.
            settings: This task's.
        """
        ...

    def agree(self, outputs: Outputs, reference: Outputs) -> NDArray[np.bool_]:
        """Tell of each example whether a model answers as a reference does, shape (N,)."""
        ...

    def distance(self, outputs: Outputs, reference: Outputs) -> float:
        """Return how far a model's outputs are from a reference's on average; 0 for the same outputs."""
        ...

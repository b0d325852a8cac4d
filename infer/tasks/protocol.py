"""The protocol of a task's device half. Shapes: N examples, C columns of logits, K statistics of one example."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from contract.ragged import Ragged
from infer.encoder import Encoded
from infer.folders.graph import TaskGraph
from infer.inference import Output
from infer.metrics.metric import Metric, Statistics
from infer.outputs import Outputs
from infer.tasks.settings import Settings


class Task(Protocol):
    """A module of infer/tasks/.

    Attributes:
        METRICS: the metrics that a recipe may choose from, the default first.
        REQUIRES: libraries of the extra `report` that the metrics and their intervals need.
        READS: which tokens of the last layer the answer depends on: the `first`, or `all`.
        GRAPHS: the inputs and outputs of its graphs, by the names in an artifact.
        CONSTANT: the best answer of a model that always gives the same answer, in words.
    """

    METRICS: tuple[Metric, ...]
    REQUIRES: tuple[str, ...]
    READS: Literal["first", "all"]
    GRAPHS: Mapping[str, TaskGraph]
    CONSTANT: str

    def settings(self, names: Sequence[str]) -> Settings:
        """Return the settings of a model whose columns of logits have these names; no names for a number."""
        ...

    def statistics(self, outputs: Outputs, labels: Ragged, settings: Any) -> Mapping[str, Statistics]:
        """Return the statistics of each metric that is defined, by the metric's name, shape (N, K).

        Args:
            outputs: outputs for N examples.
            labels: the references of the examples.
            settings: the settings of this task.
        """
        ...

    def constant(self, labels: Ragged, settings: Any) -> Outputs:
        """Return the outputs of a model that gives the same answer, `CONSTANT`, to each of N examples.

        Args:
            labels: the right answers to them.
            settings: this task's.
        """
        ...

    def answer(self, output: Output, encoded: Encoded, settings: Any) -> Any:
        """Return the answer to a text for the user: a frozen dataclass, or a list of them.

        Args:
            output: the model's output for this text.
            encoded: the text with its tokens.
            settings: the settings of this task.
        """
        ...

    def agree(self, outputs: Outputs, reference: Outputs, labels: Ragged) -> NDArray[np.bool_]:
        """Return for each example whether a model gives the same answer as a reference model, shape (N,).

        Args:
            outputs, reference: outputs for N examples.
            labels: the references of the examples, which show where answers are read.
        """
        ...

    def distance(self, outputs: Outputs, reference: Outputs, labels: Ragged) -> float:
        """Return the mean distance of a model's outputs from those of a reference model; 0 if they are the same.

        Args:
            outputs, reference: outputs for N examples.
            labels: the references of the examples, which show where answers are read.
        """
        ...

"""What is searched: a model of some student in some variant, and how its runtime is told to run it."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from convert.write import Origin
from infer import runtimes, tasks
from infer.folders.artifact import Artifact
from infer.folders.model import Model
from infer.folders.student import Evaluation
from infer.folders.variant import Reads
from infer.metrics.metric import Metric, Statistics
from infer.outputs import Outputs
from infer.tasks.evaluate import statistics


@dataclass(frozen=True, kw_only=True, slots=True)
class Entrant:
    """One student.

    Attributes:
        origin: its folder, its manifest and the device.
        evaluation: its sentences, their labels and answers.
        search_rows, check_rows: halves of the sentences; the search sees the first only.
    """

    origin: Origin
    evaluation: Evaluation
    search_rows: NDArray[np.int64]
    check_rows: NDArray[np.int64]

    @property
    def name(self) -> str:
        """Of its folder."""
        return self.origin.folder.resolve().name

    @property
    def task(self) -> tasks.TaskSettings:
        """The kind of its task and what its answers are."""
        return self.origin.student.task

    @property
    def metric(self) -> Metric:
        """What its recipe judges by."""
        return tasks.metric(self.task.kind, self.origin.student.main_metric)

    @property
    def reads(self) -> Reads:
        """What of its last layer the answer is made of."""
        return tasks.get(self.task.kind).READS

    def statistics(self, outputs: Outputs, rows: NDArray[np.int64]) -> Statistics:
        """Return what its metric is a function of, shape (N, K).

        Args:
            outputs: answers to N of its sentences.
            rows: these sentences.
        """
        return statistics(self.task, outputs, self.evaluation.labels.take(rows))[self.metric.name]


@dataclass(frozen=True, kw_only=True, slots=True)
class Candidate:
    """A finished model and a way to run it.

    Attributes:
        folder: the artifact folder.
        threads: what its runtime is given.
        buckets: the padded lengths its runtime prepares for; empty for any length.
    """

    entrant: Entrant
    folder: Path
    artifact: Artifact
    threads: int
    buckets: tuple[int, ...]

    @property
    def model_name(self) -> str:
        """The model in a few words."""
        return f"{self.entrant.name} {self.artifact.variant.name}"

    @property
    def label(self) -> str:
        """The candidate in a few words."""
        is_choice = not runtimes.get(self.artifact.runtime).TRAITS.needs_lengths
        fixed = ", fixed lengths" if self.buckets and is_choice else ""
        return f"{self.model_name}, {self.threads} thread{'s' if self.threads > 1 else ''}{fixed}"

    @property
    def model(self) -> Model:
        """The candidate as its runtime takes it."""
        return replace(self.artifact.model(self.folder), threads=self.threads).padded_to(self.buckets)

    def run_with(self, *, threads: int | None = None, buckets: tuple[int, ...] | None = None) -> "Candidate":
        """Return the same model run in another way."""
        return replace(
            self,
            threads=self.threads if threads is None else threads,
            buckets=self.buckets if buckets is None else buckets,
        )

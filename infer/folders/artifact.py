"""The artifact folder: one model for one runtime, and all a device needs to run and time it."""

from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError

from contract.folder import Manifest, read_manifest
from contract.strict import Strict
from infer.folders.model import Loadable
from infer.folders.settings import with_task_settings
from infer.folders.variant import Variant
from infer.metrics.metric import Interval
from infer.tasks import TaskSettings
from targets.profile import Precision, RuntimeName

SCHEMA: Literal[2] = 2
ARTIFACT_MANIFEST = "artifact.json"
EVALUATION = "evaluation.npz"
TOKENIZER = "tokenizer.json"


class Parity(Strict):
    """How far an artifact's outputs are from the PyTorch student's, on real padded sentences.

    Attributes:
        sentences: how many were compared.
        agreement: share of sentences with the same answer, as the task compares answers.
        max_abs_difference: largest difference of one output.
        mean_abs_difference: mean difference of an output.
    """

    sentences: int
    agreement: float
    max_abs_difference: float
    mean_abs_difference: float


class Quality(Strict):
    """How right an artifact answered when it was converted, on all evaluation sentences; another device may differ.

    Attributes:
        metric: what the student's recipe judges by.
        values: of the artifact, by each metric of its task, with 95 % intervals over the sentences.
        student, teacher: of the PyTorch student and of the teacher, by that metric.
        drop: by how much the artifact is worse than the teacher by that metric, with the interval of the pairs.
        distance: of its outputs from the teacher's, as the task measures it; null where layout 1 has none.
    """

    metric: str
    values: dict[str, Interval]
    student: float
    teacher: float
    drop: Interval
    distance: float | None

    @property
    def value(self) -> Interval:
        """The artifact's own, by what the student's recipe judges by."""
        return self.values[self.metric]


class _QualityOfLayout1(Strict):
    """What layout 1 said: lost and gained were labels that the student has right and the artifact wrong, and back."""

    metric: str
    value: float
    student: float
    teacher: float
    lost: int | None
    gained: int | None
    divergence: float | None

    def read(self) -> Quality:
        """Return it as it is said now; its intervals, which were not kept, are as wide as its metrics can be."""
        drop = self.teacher - self.value
        return Quality(
            metric=self.metric,
            values={self.metric: Interval(value=self.value, low=-1.0, high=1.0)},
            student=self.student,
            teacher=self.teacher,
            drop=Interval(value=drop, low=-2.0, high=2.0),
            distance=self.divergence,
        )


def _quality_of_layout_1(value: Any) -> Any:
    try:
        return _QualityOfLayout1.model_validate(value).read().model_dump(mode="json")
    except ValidationError:
        return value  # it is refused for that


class Artifact(Manifest):
    """artifact.json.

    Attributes:
        name: the student's recipe.
        task: the kind of task and what its answers are.
        variant: how it was converted; its rewrites are those that could be applied.
        model_file: the file to load, among `files`.
        inputs: names of the model's inputs, in the order ids, mask, token types.
        length_buckets_tokens: the padded lengths it takes; empty if it takes any.
        threads: what its profile gives a runtime.
        quantization: what was quantised and how, one line a step; empty for fp32.
    """

    name: str
    task: TaskSettings
    variant: Variant
    target: str
    model_file: str
    inputs: tuple[str, str, str]
    length_buckets_tokens: tuple[int, ...]
    max_length_tokens: int
    threads: int
    quantization: tuple[str, ...]
    parity: Parity
    quality: Quality

    @classmethod
    def from_layout_1(cls, value: dict[str, Any]) -> dict[str, Any]:
        """Return the keys of layout 1, which knew one metric without intervals and no task settings, as these."""
        return with_task_settings({**value, "quality": _quality_of_layout_1(value.get("quality"))})

    @property
    def runtime(self) -> RuntimeName:
        """What runs it."""
        return self.variant.runtime

    @property
    def precision(self) -> Precision:
        """The numbers it is stored and computed in."""
        return self.variant.precision

    @property
    def model_size_bytes(self) -> int:
        """Size of what a device needs to answer: the model and the tokenizer, without the evaluation sentences."""
        return self.size_bytes - self.files[EVALUATION].size_bytes

    def loadable(self, folder: Path, *, threads: int, buckets: tuple[int, ...]) -> Loadable:
        """Return the model as its runtime takes it.

        Args:
            folder: of this artifact.
            threads: how many one inference may use.
            buckets: the lengths to pad to; not at all if empty.
        """
        return Loadable(
            folder=folder,
            runtime=self.runtime,
            model_file=self.model_file,
            inputs=self.inputs,
            buckets=buckets,
            threads=threads,
        )


def read_artifact(folder: Path) -> Artifact:
    """Read artifact.json.

    Raises:
        InputError: not a finished artifact folder.
    """
    return read_manifest(folder / ARTIFACT_MANIFEST, Artifact)

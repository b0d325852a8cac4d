"""The artifact folder: one model for one runtime, and all a device needs to run and time it."""

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError, field_validator, model_validator

from contract.errors import InputError
from contract.folder import Manifest, read_manifest
from contract.strict import Strict, parse
from contract.tokenizer import pad_id_of, read_tokenizer
from infer import runtimes, tasks
from infer.folders.graph import Graph, encoder
from infer.folders.model import MODEL, Model
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


class TokenizerSettings(Strict):
    """How a tokenizer makes a model's inputs of texts.

    Attributes:
        file: the tokenizer, among the artifact's files.
        pad_id: token id to pad with; null in layout 1, which left it to the tokenizer.
        max_length_tokens: where texts are cut.
    """

    file: str
    pad_id: int | None
    max_length_tokens: int


class _ModelOfLayout1(Strict):
    """What layout 1 said of its one model and its one tokenizer."""

    model_file: str
    inputs: tuple[str, str, str]
    length_buckets_tokens: tuple[int, ...]
    max_length_tokens: int

    def read(self, runtime: str, columns: int) -> dict[str, Any]:
        """Return it as it is said now; that layout knew only answers to whole texts."""
        graph = encoder(
            self.model_file,
            columns=columns,
            by_token=False,
            layout=replace(runtimes.get(runtime).TRAITS.layout, inputs=self.inputs),
            source_lengths=self.length_buckets_tokens,
        )
        tokenizer = TokenizerSettings(file=TOKENIZER, pad_id=None, max_length_tokens=self.max_length_tokens)
        return {
            "graphs": {MODEL: asdict(graph)},
            "tokenizers": {"source": tokenizer.model_dump(mode="json")},
        }


def _model_of_layout_1(value: dict[str, Any]) -> dict[str, Any]:
    found = {key: value[key] for key in _ModelOfLayout1.model_fields if key in value}
    kept = {key: entry for key, entry in value.items() if key not in found}
    labels = value.get("label_names")
    columns = max(1, len(labels)) if isinstance(labels, list) else 1
    try:
        model = parse(_ModelOfLayout1, found, ARTIFACT_MANIFEST)
        return {**kept, **model.read(value["variant"]["runtime"], columns)}
    except (InputError, KeyError, TypeError, ValueError):
        return value  # it is refused for that


class Artifact(Manifest):
    """artifact.json.

    Attributes:
        name: the student's recipe.
        task: the kind of task and what its answers are.
        variant: how it was converted; its rewrites are those that could be applied.
        graphs: what its model files take and give, by what they are for; an encoder is one `model`.
        tokenizers: what makes the inputs, by the texts they are for.
        threads: what its profile gives a runtime.
        quantization: what was quantised and how, one line a step; empty for fp32.
    """

    name: str
    task: TaskSettings
    variant: Variant
    target: str
    graphs: dict[Literal["model"], Graph]
    tokenizers: dict[Literal["source"], TokenizerSettings]
    threads: int
    quantization: tuple[str, ...]
    parity: Parity
    quality: Quality

    @field_validator("graphs", "tokenizers")
    @classmethod
    def _is_complete(cls, value: dict[str, Any]) -> dict[str, Any]:
        if not value:
            raise ValueError("is empty")
        return value

    @model_validator(mode="after")
    def _fits_task(self) -> "Artifact":
        outputs = self.graphs["model"].outputs
        if not outputs or outputs[0].axes[-1] != self.task.columns:
            raise ValueError(f"the model does not give the {self.task.columns} numbers that the task's answers are of")
        known = [metric.name for metric in tasks.get(self.task.kind).METRICS]
        if self.quality.metric not in known or self.quality.metric not in self.quality.values:
            raise ValueError(f"{self.quality.metric!r} is not a metric of {self.task.kind}, or has no value")
        return self

    @classmethod
    def from_layout_1(cls, value: dict[str, Any]) -> dict[str, Any]:
        """Return the keys of layout 1, which knew one metric, one model and one tokenizer, as these."""
        return with_task_settings({**_model_of_layout_1(value), "quality": _quality_of_layout_1(value.get("quality"))})

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

    @property
    def graph(self) -> Graph:
        """The function of its model."""
        return self.graphs["model"]

    @property
    def tokenizer(self) -> TokenizerSettings:
        """What makes the inputs of a text."""
        return self.tokenizers["source"]

    @property
    def needed(self) -> tuple[str, ...]:
        """The files that every artifact needs, whatever stands beside them."""
        models = {graph.file: None for graph in self.graphs.values()}
        return (*models, *(one.file for one in self.tokenizers.values()), EVALUATION)

    def model(self, folder: Path) -> Model:
        """Return the model as its runtime takes it.

        Args:
            folder: of this artifact.

        Raises:
            InputError: it is of layout 1, and its tokenizer cannot be read.
        """
        tokenizer = self.tokenizer
        pad_id = tokenizer.pad_id
        return Model(
            folder=folder,
            runtime=self.runtime.value,
            graphs={MODEL: self.graph},
            threads=self.threads,
            pad_id=pad_id_of(read_tokenizer(folder / tokenizer.file)) if pad_id is None else pad_id,
        )


def read_artifact(folder: Path) -> Artifact:
    """Read artifact.json.

    Raises:
        InputError: not a finished artifact folder.
    """
    return read_manifest(folder / ARTIFACT_MANIFEST, Artifact)

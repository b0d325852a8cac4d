"""The artifact folder: one model for one runtime, with all that a device needs to run and time it."""

from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, field_validator, model_validator

from contract.errors import InputError
from contract.folder import Manifest, read_manifest
from contract.strict import Count, FileName, Line, Slug, Strict, parse
from contract.tokenizer import pad_id_of, read_tokenizer
from infer import runtimes, tasks
from infer.folders.graph import LENGTH_LIMIT_TOKENS, Graph, TaskGraph, encoder
from infer.folders.model import MODEL, Model
from infer.folders.settings import with_task_settings
from infer.folders.variant import Variant
from infer.metrics.metric import Interval
from infer.tasks import TaskSettings
from targets.profile import Precision, RuntimeName

SCHEMA: Literal[2] = 2
ARTIFACT_MANIFEST = "artifact.json"
EVALUATION = "evaluation.npz"
CARD = "README.md"
TOKENIZER = "tokenizer.json"
LENGTH_MINIMUM_TOKENS = 8  # as in a recipe; with fewer, tokenizers cut nothing
THREADS_LIMIT = 1024  # a runtime starts as many as it is told to


class Parity(Strict):
    """How much an artifact's outputs differ from the PyTorch student's, on real padded sentences.

    Attributes:
        sentences: number of sentences compared.
        agreement: share of sentences with the same answer, by the task's comparison.
        max_abs_difference: largest difference of an output.
        mean_abs_difference: mean difference of an output.
    """

    sentences: int
    agreement: float
    max_abs_difference: float
    mean_abs_difference: float


class Quality(Strict):
    """The quality of an artifact when it was converted, on all evaluation sentences; another device may differ.

    Attributes:
        metric: the metric of the student's recipe.
        values: each metric of the task, with 95 % intervals over the sentences.
        student, teacher: the metric's value for the PyTorch student and for the teacher.
        drop: how much worse the artifact is than the teacher in the metric, with a paired interval.
        distance: distance of its outputs from the teacher's, by the task's measure; null if layout 1 has none.
    """

    metric: str
    values: dict[str, Interval]
    student: float
    teacher: float
    drop: Interval
    distance: float | None

    @property
    def value(self) -> Interval:
        """The artifact's value of the recipe's metric."""
        return self.values[self.metric]


class _Layout1Quality(Strict):
    """The quality in layout 1: only the student has the `lost` labels right, only the artifact the `gained` ones."""

    metric: str
    value: float
    student: float
    teacher: float
    lost: int | None
    gained: int | None
    divergence: float | None

    def converted(self) -> Quality:
        """Return it in this layout; the intervals, which were not stored, are as wide as a metric's range."""
        drop = self.teacher - self.value
        return Quality(
            metric=self.metric,
            values={self.metric: Interval(value=self.value, low=-1.0, high=1.0)},
            student=self.student,
            teacher=self.teacher,
            drop=Interval(value=drop, low=-2.0, high=2.0),
            distance=self.divergence,
        )


def _convert_quality(value: Any) -> Any:
    try:
        return _Layout1Quality.model_validate(value).converted().model_dump(mode="json")
    except ValidationError:
        return value  # validation refuses it


class TokenizerSettings(Strict):
    """How a tokenizer turns texts into a model's inputs.

    Attributes:
        file: path of the tokenizer in the artifact.
        pad_id: token id to pad with; null in layout 1, which left it to the tokenizer.
        max_length_tokens: length at which texts are cut.
    """

    file: FileName
    pad_id: Count | None
    max_length_tokens: Annotated[int, Field(ge=LENGTH_MINIMUM_TOKENS, le=LENGTH_LIMIT_TOKENS)]


class _Layout1Model(Strict):
    """The single model and tokenizer in layout 1."""

    model_file: FileName
    inputs: tuple[str, str, str]
    length_buckets_tokens: tuple[int, ...]
    max_length_tokens: int

    def converted(self, runtime: str, columns: int) -> dict[str, Any]:
        """Return its keys in this layout; layout 1 had only answers for whole texts."""
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


def _convert_model(value: dict[str, Any]) -> dict[str, Any]:
    model_keys = {key: value[key] for key in _Layout1Model.model_fields if key in value}
    other_keys = {key: entry for key, entry in value.items() if key not in model_keys}
    labels = value.get("label_names")
    columns = max(1, len(labels)) if isinstance(labels, list) else 1
    try:
        model = parse(_Layout1Model, model_keys, ARTIFACT_MANIFEST)
        return {**other_keys, **model.converted(value["variant"]["runtime"], columns)}
    except (InputError, KeyError, TypeError, ValueError):
        return value  # validation refuses it


class Artifact(Manifest):
    """artifact.json.

    Attributes:
        name: name of the student's recipe.
        task: kind of task and its possible answers.
        variant: how it was converted; the rewrites are those that could be applied.
        graphs: inputs and outputs of its model files, by purpose; an encoder has just `model`.
        tokenizers: tokenizers by the texts they are for.
        threads: number of threads that its profile gives a runtime.
        quantization: what was quantised and how, one line per step; empty for fp32.
    """

    name: Slug
    task: TaskSettings
    variant: Variant
    target: Slug
    graphs: dict[Literal["model"], Graph]
    tokenizers: dict[Literal["source"], TokenizerSettings]
    threads: Annotated[int, Field(ge=1, le=THREADS_LIMIT)]
    quantization: tuple[Line, ...]
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
        task = tasks.get(self.task.kind)
        for name, needed in task.GRAPHS.items():
            _check_graph(self.graphs, name, needed, self.task.columns)
        known = [metric.name for metric in task.METRICS]
        if self.quality.metric not in known or self.quality.metric not in self.quality.values:
            raise ValueError(f"{self.quality.metric!r} is not a metric of {self.task.kind}, or has no value")
        return self

    @model_validator(mode="after")
    def _fits_lengths(self) -> "Artifact":
        cut_at = self.tokenizer.max_length_tokens
        lengths = [graph.source_lengths[-1] for graph in self.graphs.values() if graph.source_lengths]
        longest = min(lengths, default=cut_at)
        if cut_at > longest:
            raise ValueError(f"texts are cut at {cut_at} tokens, but the model is prepared for {longest} at most")
        return self

    @classmethod
    def from_layout_1(cls, value: dict[str, Any]) -> dict[str, Any]:
        """Convert the keys of layout 1, which had one metric, one model and one tokenizer."""
        return with_task_settings({**_convert_model(value), "quality": _convert_quality(value.get("quality"))})

    @property
    def runtime(self) -> RuntimeName:
        """The runtime that runs it."""
        return self.variant.runtime

    @property
    def precision(self) -> Precision:
        """The precision of its weights and computations."""
        return self.variant.precision

    @property
    def model_size_bytes(self) -> int:
        """Size of what a device needs to answer: the model and the tokenizer."""
        return sum(entry.size_bytes for name, entry in self.files.items() if name not in (EVALUATION, CARD))

    @property
    def graph(self) -> Graph:
        """The graph of its model."""
        return self.graphs["model"]

    @property
    def tokenizer(self) -> TokenizerSettings:
        """The tokenizer of its texts."""
        return self.tokenizers["source"]

    @property
    def needed(self) -> tuple[str, ...]:
        """The files that every artifact of this manifest needs."""
        models = {graph.file: None for graph in self.graphs.values()}
        return (*models, *(tokenizer.file for tokenizer in self.tokenizers.values()), EVALUATION)

    def model(self, folder: Path) -> Model:
        """Return the model for its runtime.

        Args:
            folder: folder of this artifact.

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


def _check_graph(graphs: Mapping[Any, Graph], name: str, needed: TaskGraph, columns: int) -> None:
    if name not in graphs:
        raise ValueError(f"'graphs' has no {name!r}")
    try:
        needed.check(graphs[name], columns)
    except ValueError as error:
        raise ValueError(f"'graphs.{name}': {error}") from error


def read_artifact(folder: Path) -> Artifact:
    """Read artifact.json.

    Raises:
        InputError: not a finished artifact folder.
    """
    return read_manifest(folder / ARTIFACT_MANIFEST, Artifact)

"""The record: the result of measuring one model on one device: times, memory and quality."""

from math import isclose
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from pydantic import Field, ValidationInfo, field_validator, model_validator

from bench import layout_1
from contract.errors import InputError, near_miss
from contract.strict import Count, Line, Positive, Sha256, Slug, Strict, parse, read_json_value
from infer import tasks
from infer.metrics.metric import Interval
from infer.packed_array import PackedArray, PackedLogits
from infer.worker.reply import Conditions, Memory

Validity = Literal["valid", "degraded", "invalid"]

TOLERANCE = 1e-9  # for rounding


class Machine(Strict):
    """Fingerprint of the device; records of different machines are never compared for speed."""

    model: Line
    arch: Line
    isa_features: tuple[Line, ...]
    cores: Positive
    memory_bytes: Positive
    page_bytes: Positive
    governor: Line | None
    system: Line
    kernel: Line
    python: Line
    emulated: bool

    @property
    def label(self) -> str:
        """A short description of the machine."""
        return f"{self.model}, {self.cores} cores, {self.arch}" + (" (emulated)" if self.emulated else "")


class Block(Strict):
    """The times from one fresh worker process.

    Attributes:
        process_ns: from requesting the process to its first line of Python.
        import_ns: importing the runtime.
        load_ns: reading, compiling and allocating the model.
        first_infer_ns: the first inference.
        rows: the evaluation sentences timed, in order.
        tokenize_ns: text (rebuilt from the token ids) to token ids, one sample per sentence.
        infer_ns: token ids to logits, padding included, one sample per sentence.
        cpu_ns: processor time of all threads over the timed inferences.
        warmup_stable: whether the warm-up reached steady state before its cap.
        threads_observed: threads of the process during inference.
        causes: why this block is degraded or invalid, worst first.
    """

    process_ns: Count
    import_ns: Positive
    load_ns: Positive
    first_infer_ns: Positive
    rows: Annotated[tuple[Count, ...], Field(min_length=1)]
    tokenize_ns: tuple[Count, ...]
    infer_ns: tuple[Positive, ...]
    cpu_ns: Count
    warmup_stable: bool
    threads_observed: Positive | None
    before: Conditions
    after: Conditions
    validity: Validity
    causes: tuple[Line, ...]

    @field_validator("tokenize_ns", "infer_ns")
    @classmethod
    def _has_a_sample_for_each_row(cls, samples_ns: tuple[int, ...], info: ValidationInfo) -> tuple[int, ...]:
        rows = info.data.get("rows")
        if rows is not None and len(samples_ns) != len(rows):
            raise ValueError(f"{len(samples_ns)} samples for {len(rows)} sentences")
        return samples_ns


class Overlap(Strict):
    """Evaluation examples that are training examples, too.

    Attributes:
        examples: their number.
        others: the main metric on all other examples; null if there are none.
    """

    examples: Positive
    others: Interval | None


class Record(Strict):
    """One model on one device.

    Attributes:
        session: identifier; the models of a session took turns and may be compared for speed.
        measured_at: UTC, ISO 8601.
        command: the command that repeats the session.
        kind: `teacher`, `student` (in PyTorch) or `artifact`.
        name: the recipe's name.
        runtime, precision: runtime and precision of the model; a teacher's or student's runtime is `pytorch`.
        model_sha256: identity of the measured folder.
        size_bytes: size of the model's files, without evaluation data.
        task: the kind of task with its labels.
        metric: the main metric, which the student's recipe names.
        outputs: the raw outputs where there were no labels; else null.
        examples: number of evaluation examples; null where there were no labels, as are all fields below.
        quality: each metric that is defined for the model.
        drop: how much worse the model is than its teacher in the main metric, paired by example; null for the teacher.
        agreement: shares of the examples with the same answer as from the teacher, and from the student in PyTorch.
        statistics: the statistics that the main metric is computed from, one row per example in the order of the
            evaluation split; null in records of layout 1, which had only totals.
        constant: each metric of a model that always gives the same answer, such as the most frequent label; null in
            records of earlier versions.
        overlap: what of the evaluation split was trained on; null if nothing was, or nobody looked.
        interruptions: how often the session was interrupted between two rounds of blocks and went on later.
    """

    schema_version: Literal[2]
    session: Slug
    measured_at: Line
    command: Line
    kind: Literal["teacher", "student", "artifact"]
    name: Slug
    task: tasks.TaskSettings
    metric: str
    runtime: Slug
    runtime_version: Line
    precision: Slug
    target: Slug
    threads: Positive
    model_sha256: Sha256
    student_sha256: Sha256 | None
    parameters: Positive | None
    size_bytes: Positive
    machine: Machine
    blocks: Annotated[tuple[Block, ...], Field(min_length=1)]
    memory: Memory
    outputs: PackedLogits | None
    examples: Positive | None
    quality: dict[str, Interval] | None
    drop: Interval | None
    agreement: dict[Literal["teacher", "student"], Annotated[float, Field(ge=0, le=1)]]
    statistics: PackedArray | None
    constant: dict[str, Annotated[float, Field(allow_inf_nan=False)]] | None = None
    overlap: Overlap | None = None
    interruptions: Count = 0
    validity: Validity
    causes: tuple[Line, ...]

    @property
    def label(self) -> str:
        """A short label, such as `onnx int8`."""
        return f"{self.kind} ({self.runtime})" if self.kind != "artifact" else f"{self.runtime} {self.precision}"

    @property
    def infer_ns(self) -> tuple[int, ...]:
        """All steady-state inference samples of the blocks that are not invalid."""
        return tuple(ns for block in self.blocks if block.validity != "invalid" for ns in block.infer_ns)

    @field_validator("outputs")
    @classmethod
    def _outputs_can_be_unpacked(cls, outputs: PackedLogits | None) -> PackedLogits | None:
        if outputs is not None:
            try:
                logits_NC = outputs.logits_NC()
            except ValueError as error:
                raise ValueError(f"cannot be unpacked ({error})") from error
            if logits_NC.shape != outputs.shape:
                raise ValueError(f"not of shape {outputs.shape}")
        return outputs

    @field_validator("statistics")
    @classmethod
    def _statistics_can_be_unpacked(cls, statistics: PackedArray | None) -> PackedArray | None:
        if statistics is not None:
            try:
                numbers = statistics.numbers()
            except InputError as error:
                raise ValueError(str(error)) from error
            if not np.isfinite(numbers).all():
                raise ValueError("not all are finite numbers")
        return statistics

    @model_validator(mode="after")
    def _has_the_metrics_of_its_task(self) -> "Record":
        names = [metric.name for metric in tasks.get(self.task.kind).METRICS]
        keys = [(f"{key}.{name}", name) for key in ("quality", "constant") for name in getattr(self, key) or ()]
        for key, name in [("metric", self.metric), *keys]:
            if name not in names:
                raise ValueError(f"{key!r}: a {self.task.kind} has no {name!r}{near_miss(name, names)}")
        if (self.quality is None) != (self.examples is None):
            raise ValueError("'quality' and 'examples' must both be null, or neither")
        if self.overlap is not None and self.overlap.examples > (self.examples or 0):
            raise ValueError(f"'overlap.examples': {self.overlap.examples} of {self.examples or 0} examples")
        if self.quality is not None and self.metric not in self.quality:
            raise ValueError(f"'quality': lacks {self.metric!r}, the main metric")
        for name, interval in (self.quality or {}).items():
            is_share = tasks.metric(self.task.kind, name).unit == "%"
            if is_share and not -TOLERANCE <= interval.value <= 1 + TOLERANCE:
                raise ValueError(f"'quality.{name}.value': {interval.value:.6g} is not between 0 and 1")
        return self

    @model_validator(mode="after")
    def _values_lie_in_their_intervals(self) -> "Record":
        intervals = {f"quality.{name}": interval for name, interval in (self.quality or {}).items()}
        if self.drop is not None:
            intervals["drop"] = self.drop
        if self.overlap is not None and self.overlap.others is not None:
            intervals["overlap.others"] = self.overlap.others
        for key, interval in intervals.items():
            if not _is_between(interval):
                bounds = f"{interval.low:.6g} to {interval.high:.6g}"
                raise ValueError(f"'{key}.value': {interval.value:.6g} is outside its interval, {bounds}")
        return self

    @model_validator(mode="after")
    def _statistics_give_the_quality(self) -> "Record":
        if self.statistics is None or self.quality is None:
            return self
        if len(self.statistics.shape) != 2 or self.statistics.shape[0] != self.examples:
            raise ValueError(
                f"'statistics.shape': {self.statistics.shape} does not have a row for each of {self.examples} examples"
            )
        metric = tasks.metric(self.task.kind, self.metric)
        if metric.prepare is not None:
            return self  # needs a library that a device may not have
        try:
            value = metric.value(self.statistics.numbers())
        except (IndexError, ValueError) as error:
            shape = self.statistics.shape
            raise ValueError(f"'statistics.shape': {self.metric!r} is not computed from {shape}") from error
        expected = self.quality[self.metric].value
        if not isclose(value, expected, abs_tol=TOLERANCE):
            raise ValueError(f"'statistics': {self.metric!r} is {value:.6g} by these, but {expected:.6g} in 'quality'")
        return self


def _is_between(interval: Interval) -> bool:
    # In records of older versions rounding may have put a bound just past the value.
    return interval.low - TOLERANCE <= interval.value <= interval.high + TOLERANCE


def read_record(path: Path) -> Record:
    """Read a record of this layout or of layout 1.

    Raises:
        InputError: no such file, not a record, or not a possible one.
        MissingExtraError: a library that records of layout 1 need is not installed.
    """
    value = read_json_value(path)
    if isinstance(value, dict) and value.get("schema_version") == 1:
        value = layout_1.upgraded(value, str(path))
    return parse(Record, value, str(path))

"""The record: what one measurement of one model on one device said: times, memory, and how right it answers."""

from math import isclose
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from pydantic import Field, ValidationInfo, field_validator, model_validator

from bench import layout_1
from contract.errors import InputError
from contract.strict import Count, Positive, Strict, json_value, near_miss, parse
from infer import tasks
from infer.metrics.metric import Interval
from infer.packed import PackedArray, PackedLogits
from infer.worker.state import Conditions, Memory

Validity = Literal["valid", "degraded", "invalid"]

TOLERANCE = 1e-9  # more than the rounding of a metric


class Machine(Strict):
    """Fingerprint of the device; records of machines that differ are never compared for speed."""

    model: str
    arch: str
    isa_features: tuple[str, ...]
    cores: Positive
    memory_bytes: Positive
    page_bytes: Positive
    governor: str | None
    system: str
    kernel: str
    python: str
    emulated: bool

    @property
    def label(self) -> str:
        """The machine in a few words."""
        return f"{self.model}, {self.cores} cores, {self.arch}" + (" (emulated)" if self.emulated else "")


class Block(Strict):
    """One fresh worker process: what it timed.

    Attributes:
        process_ns: from asking for the process to its first line of Python.
        import_ns: importing the runtime.
        load_ns: reading, compiling and allocating the model.
        first_infer_ns: the first inference.
        rows: the evaluation sentences timed, in order.
        tokenize_ns: text (rebuilt from the token ids) to token ids, a sample a sentence.
        infer_ns: token ids to logits, padding included, a sample a sentence.
        cpu_ns: processor time of all threads over the timed inferences.
        warmup_stable: whether the warm-up settled before its cap.
        threads_observed: threads of the process while it inferred.
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
    causes: tuple[str, ...]

    @field_validator("tokenize_ns", "infer_ns")
    @classmethod
    def _has_a_sample_for_each_row(cls, samples_ns: tuple[int, ...], info: ValidationInfo) -> tuple[int, ...]:
        rows = info.data.get("rows")
        if rows is not None and len(samples_ns) != len(rows):
            raise ValueError(f"{len(samples_ns)} samples for {len(rows)} sentences")
        return samples_ns


class Record(Strict):
    """One model on one device.

    Attributes:
        session: records of one session were measured interleaved and may be compared for speed.
        measured_at: UTC, ISO 8601.
        command: what measured it.
        kind: `teacher`, `student` (in PyTorch) or `artifact`.
        name: the recipe's name.
        runtime, precision: of the model; the teacher's and student's runtime is `pytorch`.
        model_sha256: identity of the measured folder.
        size_bytes: its files, without evaluation data.
        task: the kind of task and what its answers are.
        metric: the main one: what the student's recipe judges by.
        outputs: the raw ones, where the labels were not at hand; else null.
        examples: how many were judged; null, as all that follows, where the labels were not at hand.
        quality: each metric that is defined for the model.
        drop: by how much the model is worse than its teacher in the main metric, paired by example; null for the
            teacher.
        agreement: shares of the examples that it answers as the teacher does, and as the student in PyTorch does.
        statistics: what the main metric is a function of, an example a row, in the order of the evaluation split; null
            in records of layout 1, which only counted.
    """

    schema_version: Literal[2]
    session: str
    measured_at: str
    command: str
    kind: Literal["teacher", "student", "artifact"]
    name: str
    task: tasks.TaskSettings
    metric: str
    runtime: str
    runtime_version: str
    precision: str
    target: str
    threads: Positive
    model_sha256: str
    student_sha256: str | None
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
    validity: Validity
    causes: tuple[str, ...]

    @property
    def label(self) -> str:
        """The model in a few words, such as `onnx int8`."""
        return f"{self.kind} ({self.runtime})" if self.kind != "artifact" else f"{self.runtime} {self.precision}"

    @property
    def infer_ns(self) -> tuple[int, ...]:
        """All steady inference samples of blocks that are not invalid."""
        return tuple(ns for block in self.blocks if block.validity != "invalid" for ns in block.infer_ns)

    @field_validator("outputs")
    @classmethod
    def _are_outputs(cls, outputs: PackedLogits | None) -> PackedLogits | None:
        if outputs is not None:
            try:
                logits_NC = outputs.logits_NC()
            except ValueError as error:
                raise ValueError(f"cannot be unpacked ({error})") from error
            if logits_NC.shape != outputs.shape:
                raise ValueError(f"is not of shape {outputs.shape}")
        return outputs

    @field_validator("statistics")
    @classmethod
    def _are_statistics(cls, statistics: PackedArray | None) -> PackedArray | None:
        if statistics is not None:
            try:
                numbers = statistics.numbers()
            except InputError as error:
                raise ValueError(str(error)) from error
            if not np.isfinite(numbers).all():
                raise ValueError("not all are finite numbers")
        return statistics

    @model_validator(mode="after")
    def _is_judged_by_its_task(self) -> "Record":
        known = [metric.name for metric in tasks.get(self.task.kind).METRICS]
        for key, name in [("metric", self.metric), *((f"quality.{name}", name) for name in self.quality or ())]:
            if name not in known:
                raise ValueError(f"{key!r}: a {self.task.kind} has no {name!r}{near_miss(name, known)}")
        if (self.quality is None) != (self.examples is None):
            raise ValueError("'quality' and 'examples' must both be null, or neither")
        if self.quality is not None and self.metric not in self.quality:
            raise ValueError(f"'quality': has no {self.metric!r}, which is the record's metric")
        for name, interval in (self.quality or {}).items():
            is_share = tasks.metric(self.task.kind, name).unit == "%"
            if is_share and not -TOLERANCE <= interval.value <= 1 + TOLERANCE:
                raise ValueError(f"'quality.{name}.value': {interval.value:.6g} is not between 0 and 1")
        return self

    @model_validator(mode="after")
    def _lies_in_its_intervals(self) -> "Record":
        intervals = {f"quality.{name}": interval for name, interval in (self.quality or {}).items()}
        if self.drop is not None:
            intervals["drop"] = self.drop
        for key, interval in intervals.items():
            if not _is_between(interval):
                bounds = f"{interval.low:.6g} to {interval.high:.6g}"
                raise ValueError(f"'{key}.value': {interval.value:.6g} is outside its interval, {bounds}")
        return self

    @model_validator(mode="after")
    def _has_the_statistics_of_its_quality(self) -> "Record":
        if self.statistics is None or self.quality is None:
            return self
        if len(self.statistics.shape) != 2 or self.statistics.shape[0] != self.examples:
            raise ValueError(f"'statistics.shape': {self.statistics.shape} is not a row for each of {self.examples}")
        metric = tasks.metric(self.task.kind, self.metric)
        if metric.prepare is not None:
            return self  # needs a library that a device may not have
        try:
            value = metric.value(self.statistics.numbers())
        except (IndexError, ValueError) as error:
            shape = self.statistics.shape
            raise ValueError(f"'statistics.shape': {shape} cannot be that of {self.metric!r}") from error
        expected = self.quality[self.metric].value
        if not isclose(value, expected, abs_tol=TOLERANCE):
            raise ValueError(f"'statistics': give {self.metric!r} {value:.6g}, but 'quality' {expected:.6g}")
        return self


def _is_between(interval: Interval) -> bool:
    # In records of older versions rounding may have put a bound just past the value.
    return interval.low - TOLERANCE <= interval.value <= interval.high + TOLERANCE


def read_record(path: Path) -> Record:
    """Read a record of this layout or of layout 1.

    Raises:
        InputError: no such file, or no record.
        MissingExtraError: what judges the counts of layout 1 is not installed.
    """
    try:
        value = json_value(path.read_bytes(), str(path))
    except OSError as error:
        raise InputError(f"{path}: cannot be read as JSON ({error.strerror})") from error
    if isinstance(value, dict) and value.get("schema_version") == 1:
        value = layout_1.converted(value, str(path))
    return parse(Record, value, str(path))

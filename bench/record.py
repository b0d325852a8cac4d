"""The record: what one measurement of one model on one device said: times, memory, and how right it answers."""

from pathlib import Path
from typing import Literal

from pydantic import model_validator

from bench import layout_1
from contract.errors import InputError
from contract.strict import Strict, json_value, near_miss, parse
from infer import tasks
from infer.metrics.metric import Interval
from infer.packed import PackedArray, PackedLogits
from infer.worker.state import Conditions, Memory

Validity = Literal["valid", "degraded", "invalid"]


class Machine(Strict):
    """Fingerprint of the device; records of machines that differ are never compared for speed."""

    model: str
    arch: str
    isa_features: tuple[str, ...]
    cores: int
    memory_bytes: int
    page_bytes: int
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

    process_ns: int
    import_ns: int
    load_ns: int
    first_infer_ns: int
    rows: tuple[int, ...]
    tokenize_ns: tuple[int, ...]
    infer_ns: tuple[int, ...]
    cpu_ns: int
    warmup_stable: bool
    threads_observed: int | None
    before: Conditions
    after: Conditions
    validity: Validity
    causes: tuple[str, ...]


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
    threads: int
    model_sha256: str
    student_sha256: str | None
    parameters: int | None
    size_bytes: int
    machine: Machine
    blocks: tuple[Block, ...]
    memory: Memory
    outputs: PackedLogits | None
    examples: int | None
    quality: dict[str, Interval] | None
    drop: Interval | None
    agreement: dict[Literal["teacher", "student"], float]
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

    @model_validator(mode="after")
    def _has_a_metric_of_its_task(self) -> "Record":
        known = [metric.name for metric in tasks.get(self.task.kind).METRICS]
        if self.metric not in known:
            raise ValueError(f"'metric': a {self.task.kind} has no {self.metric!r}{near_miss(self.metric, known)}")
        return self


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

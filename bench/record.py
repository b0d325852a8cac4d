"""The record: what one measurement of one model on one device said, raw; every statistic is derived."""

from typing import Literal

from contract.strict import Strict
from infer.packed import PackedLogits
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


class Accuracy(Strict):
    """Counts of right and wrong over the whole evaluation split; only the host knows the labels.

    Attributes:
        confusion: sentences by true label (row) and predicted label (column).
        teacher_right: sentences the teacher has right.
        both_right: sentences both have right.
        agrees_with_teacher: sentences with the teacher's label.
        agrees_with_student: sentences with the PyTorch student's label; null for the teacher.
    """

    confusion: tuple[tuple[int, ...], ...]
    teacher_right: int
    both_right: int
    agrees_with_teacher: int
    agrees_with_student: int | None

    @property
    def total(self) -> int:
        """How many sentences were judged."""
        return sum(map(sum, self.confusion))

    @property
    def right(self) -> int:
        """How many have the true label."""
        return sum(row[label] for label, row in enumerate(self.confusion))


class Estimate(Strict):
    """A number with its 95 % interval over the sentences."""

    value: float
    low: float
    high: float


class Correlation(Strict):
    """How a regression's scores go with the data's over the whole evaluation split; only the host knows those.

    Attributes:
        total: how many sentences were judged.
        rmse: root of the mean squared error.
        pearson_drop: the teacher's Pearson correlation minus this one's, paired by sentence.
        pearson_teacher: Pearson correlation with the teacher's scores.
        pearson_student: the same with the PyTorch student's; null for the teacher.
    """

    total: int
    pearson: Estimate
    spearman: Estimate
    rmse: Estimate
    pearson_drop: Estimate
    pearson_teacher: float
    pearson_student: float | None


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
        accuracy, correlation: of a classification or a regression, where the labels were at hand.
    """

    schema_version: Literal[1]
    session: str
    measured_at: str
    command: str
    kind: Literal["teacher", "student", "artifact"]
    name: str
    task: str
    label_names: tuple[str, ...]
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
    outputs: PackedLogits
    accuracy: Accuracy | None
    correlation: Correlation | None = None
    validity: Validity
    causes: tuple[str, ...]

    @property
    def label(self) -> str:
        """The model in a few words, such as `onnx int8`."""
        return f"{self.kind} ({self.runtime})" if self.kind != "artifact" else f"{self.runtime} {self.precision}"

    @property
    def judged(self) -> Accuracy | Correlation | None:
        """How right it is, whatever the kind of task; nothing where the labels were not at hand."""
        return self.accuracy or self.correlation

    @property
    def infer_ns(self) -> tuple[int, ...]:
        """All steady inference samples of blocks that are not invalid."""
        return tuple(ns for block in self.blocks if block.validity != "invalid" for ns in block.infer_ns)

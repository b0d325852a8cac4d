from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.record import Block, Machine, Record
from contract import ragged
from infer.metrics.metric import Interval, paired_drop
from infer.outputs import of_logits
from infer.packed_array import PackedLogits
from infer.tasks import classification, evaluate, regression
from infer.worker.reply import Conditions, Memory

MakeRecord = Callable[..., Record]
Judged = dict[str, Any]
SENTIMENT = classification.settings(("negative", "positive"))
UNJUDGED: Judged = {
    "outputs": PackedLogits.of(np.zeros((100, 2), dtype=np.float32)),
    "examples": None,
    "quality": None,
    "drop": None,
    "agreement": {},
}
MIB = 2**20

CALM = Conditions(
    load_average=0.1,
    steal_jiffies=0,
    involuntary_switches=1,
    frequency_khz=2_400_000,
    temperature_millicelsius=48_000,
    throttled_bits=0,
    on_battery=None,
)
BOARD = Machine(
    model="Test Board",
    arch="aarch64",
    isa_features=("neon", "dotprod"),
    cores=4,
    memory_bytes=4096 * MIB,
    page_bytes=16_384,
    governor=None,
    system="Test OS 1",
    kernel="6.1",
    python="3.11.2",
    emulated=False,
)


def make_block(infer_ns: Sequence[int], **changes: Any) -> Block:
    block = Block(
        process_ns=20_000_000,
        import_ns=80_000_000,
        load_ns=40_000_000,
        first_infer_ns=2 * infer_ns[0],
        rows=tuple(range(len(infer_ns))),
        tokenize_ns=tuple(50_000 for _ in infer_ns),
        infer_ns=tuple(infer_ns),
        cpu_ns=sum(infer_ns),
        warmup_stable=True,
        threads_observed=4,
        before=CALM,
        after=CALM,
        validity="valid",
        causes=(),
    )
    return block.model_copy(update=changes)


@cache
def judged_by_counts(
    confusion: tuple[tuple[int, int], tuple[int, int]] = ((45, 5), (7, 43)),
    lost: int = 6,
    won: int = 2,
    teacher: float = 0.93,
    student: float = 0.99,
) -> Judged:
    """A hundred sentences: 45 and 43 right, 12 wrong; the teacher has 6 of these right, and 2 of the 88 wrong."""
    counts_P = np.ravel(confusion)
    labels_N, answers_N = np.repeat([0, 0, 1, 1], counts_P), np.repeat([0, 1, 0, 1], counts_P)
    outputs = of_logits(np.eye(2, dtype=np.float32)[answers_N])
    right = confusion[0][0] + confusion[1][1]
    model_N1, teacher_N1 = np.zeros((2, counts_P.sum(), 1))
    model_N1[:right] = teacher_N1[won : right + lost] = 1
    return {
        "outputs": None,
        "examples": len(outputs),
        "quality": evaluate.intervals(SENTIMENT, outputs, ragged.single(labels_N)),
        "drop": paired_drop(classification.METRICS[0], model_N1, teacher_N1),
        "agreement": {"teacher": teacher, "student": student},
    }


def judged_by_scores(pearson: float = 0.85, drop: float = 0.02, **agreement: float) -> Judged:
    """A hundred sentences; each interval is the value plus or minus 0.01."""

    def around(value: float) -> Interval:
        return Interval(value=value, low=value - 0.01, high=value + 0.01)

    return {
        "outputs": None,
        "examples": 100,
        "quality": {"pearson": around(pearson), "spearman": around(pearson - 0.01), "rmse": around(0.7)},
        "drop": around(drop),
        "agreement": agreement or {"teacher": 0.95, "student": 0.999},
    }


def make_test_record(
    kind: str = "artifact",
    runtime: str = "onnx",
    precision: str = "fp32",
    latency_ns: int = 4_000_000,
    blocks: int = 8,
    samples: int = 10,
    spread: float = 0.0,
    **changes: Any,
) -> Record:
    """Make a valid record with samples around one latency, the same at each call."""
    random = np.random.default_rng([latency_ns, blocks, samples])
    factors = np.exp(spread * random.standard_normal((blocks, samples)))
    if kind != "artifact":
        runtime, precision = "pytorch", "fp32"
    record = Record(
        schema_version=2,
        session="session-1",
        measured_at="2026-11-24T10:00:00+00:00",
        command="tinybert bench onnx-fp32",
        kind="artifact",
        name="sentiment",
        task=SENTIMENT,
        metric="accuracy",
        runtime=runtime,
        runtime_version="1.2.3",
        precision=precision,
        target="raspberry-pi-5",
        threads=4,
        model_sha256=(f"{kind[0]}{runtime[1]}{precision[0]}".encode().hex() * 11)[:64],
        student_sha256=None if kind == "teacher" else "5" * 64,
        parameters=14_000_000,
        size_bytes=50 * MIB,
        machine=BOARD,
        blocks=tuple(make_block([int(latency_ns * factor) for factor in row]) for row in factors),
        memory=Memory(
            started_bytes=30 * MIB,
            imported_bytes=50 * MIB,
            loaded_bytes=90 * MIB,
            peak_bytes=100 * MIB,
            source="VmHWM",
        ),
        statistics=None,
        validity="valid",
        causes=(),
        **judged_by_counts(),
    )
    return record.model_copy(update={"kind": kind, **changes})


@pytest.fixture(scope="session")
def make_record() -> MakeRecord:
    return make_test_record


@pytest.fixture(scope="session")
def unjudged() -> Judged:
    """The fields of a record without labels."""
    return UNJUDGED


@pytest.fixture(scope="session")
def judged() -> Callable[..., Judged]:
    return judged_by_counts


@pytest.fixture(scope="session")
def teacher() -> Record:
    judged = {**judged_by_counts(((46, 4), (4, 46)), lost=0, won=0), "drop": None, "agreement": {"teacher": 1.0}}
    return make_test_record(kind="teacher", latency_ns=20_000_000, spread=0.08, size_bytes=90 * MIB, **judged)


@pytest.fixture(scope="session")
def session_records(teacher: Record) -> tuple[Record, ...]:
    """A teacher, its student, and six artifacts in which fp32 wins on one runtime."""
    speeds = {"onnx": (4_100_000, 3_000_000), "openvino": (3_600_000, 2_300_000), "tflite": (5_200_000, 6_100_000)}
    artifacts = [
        make_test_record(
            runtime=runtime,
            precision=precision,
            latency_ns=latency_ns,
            spread=0.1,
            size_bytes=size_bytes,
            **judged,
        )
        for runtime, pair in speeds.items()
        for precision, latency_ns, size_bytes, judged in (
            ("fp32", pair[0], 55 * MIB, judged_by_counts(((46, 4), (5, 45)), lost=4, won=3)),
            ("int8", pair[1], 14 * MIB, judged_by_counts()),
        )
    ]
    student = make_test_record(kind="student", latency_ns=9_000_000, spread=0.1, size_bytes=55 * MIB)
    return (teacher, student, *artifacts)


@pytest.fixture(scope="session")
def scored_records() -> tuple[Record, ...]:
    """A regression: a teacher, a slow artifact with a small drop and a fast artifact with a large one."""
    scored: dict[str, Any] = {"name": "likeness", "task": regression.Settings(), "metric": "pearson"}
    best = {**judged_by_scores(0.87, teacher=1.0), "drop": None}
    return (
        make_test_record(kind="teacher", latency_ns=20_000_000, **best, **scored),
        make_test_record(precision="fp32", latency_ns=4_000_000, **judged_by_scores(0.86, 0.01), **scored),
        make_test_record(precision="int8", latency_ns=2_000_000, **judged_by_scores(0.80, 0.07), **scored),
    )


@pytest.fixture
def folder_of(tmp_path: Path) -> Callable[[Sequence[Record]], Path]:
    """Write records to a folder, one file each."""

    def write(records: Sequence[Record]) -> Path:
        folder = tmp_path / "records"
        folder.mkdir(exist_ok=True)
        for index, record in enumerate(records):
            (folder / f"{index}.json").write_text(record.model_dump_json(), encoding="utf-8")
        return folder

    return write

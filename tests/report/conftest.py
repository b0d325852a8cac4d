from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.record import Accuracy, Block, Correlation, Estimate, Machine, Record
from infer.packed import PackedLogits
from infer.worker.state import Conditions, Memory

MakeRecord = Callable[..., Record]
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


def make_accuracy(**changes: Any) -> Accuracy:
    """A hundred sentences: 45 and 43 right, 12 wrong; the teacher has 92 right, 86 of them with the model."""
    counts = Accuracy(
        confusion=((45, 5), (7, 43)), teacher_right=92, both_right=86, agrees_with_teacher=93, agrees_with_student=99
    )
    return counts.model_copy(update=changes)


def make_correlation(pearson: float = 0.85, drop: float = 0.02, **changes: Any) -> Correlation:
    """A hundred sentences; each interval reaches a hundredth to both sides."""

    def around(value: float) -> Estimate:
        return Estimate(value=value, low=value - 0.01, high=value + 0.01)

    found = Correlation(
        total=100,
        pearson=around(pearson),
        spearman=around(pearson - 0.01),
        rmse=around(0.7),
        pearson_drop=around(drop),
        pearson_teacher=0.95,
        pearson_student=0.999,
    )
    return found.model_copy(update=changes)


def make_one(
    kind: str = "artifact",
    runtime: str = "onnx",
    precision: str = "fp32",
    latency_ns: int = 4_000_000,
    blocks: int = 8,
    samples: int = 10,
    spread: float = 0.0,
    **changes: Any,
) -> Record:
    """Make a valid record whose samples lie around one latency, the same each time."""
    random = np.random.default_rng([latency_ns, blocks, samples])
    factors = np.exp(spread * random.standard_normal((blocks, samples)))
    if kind != "artifact":
        runtime, precision = "pytorch", "fp32"
    record = Record(
        schema_version=1,
        session="session-1",
        measured_at="2026-11-24T10:00:00+00:00",
        command="tinybert bench onnx-fp32",
        kind="artifact",
        name="sentiment",
        task="classification",
        label_names=("negative", "positive"),
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
        outputs=PackedLogits.of(np.zeros((100, 2), dtype=np.float32)),
        accuracy=make_accuracy(),
        validity="valid",
        causes=(),
    )
    return record.model_copy(update={"kind": kind, **changes})


@pytest.fixture(scope="session")
def make_record() -> MakeRecord:
    return make_one


@pytest.fixture(scope="session")
def teacher() -> Record:
    right = Accuracy(
        confusion=((46, 4), (4, 46)), teacher_right=92, both_right=92, agrees_with_teacher=100, agrees_with_student=None
    )
    return make_one(kind="teacher", latency_ns=20_000_000, spread=0.08, size_bytes=90 * MIB, accuracy=right)


@pytest.fixture(scope="session")
def session_records(teacher: Record) -> tuple[Record, ...]:
    """A teacher, its student, and six artifacts in which fp32 wins on one runtime."""
    speeds = {"onnx": (4_100_000, 3_000_000), "openvino": (3_600_000, 2_300_000), "tflite": (5_200_000, 6_100_000)}
    artifacts = [
        make_one(
            runtime=runtime,
            precision=precision,
            latency_ns=latency_ns,
            spread=0.1,
            size_bytes=size_bytes,
            accuracy=counts,
        )
        for runtime, pair in speeds.items()
        for precision, latency_ns, size_bytes, counts in (
            ("fp32", pair[0], 55 * MIB, make_accuracy(confusion=((46, 4), (5, 45)), both_right=88)),
            ("int8", pair[1], 14 * MIB, make_accuracy()),
        )
    ]
    student = make_one(kind="student", latency_ns=9_000_000, spread=0.1, size_bytes=55 * MIB)
    return (teacher, student, *artifacts)


@pytest.fixture(scope="session")
def scored_records() -> tuple[Record, ...]:
    """A regression: a teacher, a slow artifact that lost little and a fast one that lost much."""
    scored: dict[str, Any] = {"task": "regression", "label_names": (), "accuracy": None}
    best = make_correlation(0.87, 0.0, pearson_teacher=1.0, pearson_student=None)
    return (
        make_one(kind="teacher", latency_ns=20_000_000, correlation=best, **scored),
        make_one(precision="fp32", latency_ns=4_000_000, correlation=make_correlation(0.86, 0.01), **scored),
        make_one(precision="int8", latency_ns=2_000_000, correlation=make_correlation(0.80, 0.07), **scored),
    )


@pytest.fixture
def folder_of(tmp_path: Path) -> Callable[[Sequence[Record]], Path]:
    """Write records into a folder, one file each."""

    def write(records: Sequence[Record]) -> Path:
        folder = tmp_path / "records"
        folder.mkdir(exist_ok=True)
        for place, record in enumerate(records):
            (folder / f"{place}.json").write_text(record.model_dump_json(), encoding="utf-8")
        return folder

    return write

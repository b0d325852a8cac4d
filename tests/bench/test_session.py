"""A session over scripted models: exact numbers, through real processes."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench import results
from bench.latency import speed_up
from bench.machine import fingerprint
from bench.record import Record, read_record
from bench.report.read import read_sessions
from bench.sampling import sample_rows
from bench.schedule import Schedule, make_schedule
from bench.session import measure, run_schedule
from bench.settings import Settings
from contract.errors import InputError, WorkerError
from contract.tokens import Tokens
from infer.folders.student import read_evaluation
from infer.metrics.counts import ACCURACY
from infer.metrics.metric import interval
from infer.outputs import of_logits
from infer.tasks import evaluate
from targets.machine import Facts
from targets.profile import Precision
from tests.models import SCRIPT, of_script

LABELS = ("negative", "positive")
FAST = {"infer_ns": [1_000_000]}
SLOW = {"infer_ns": [3_000_000]}
SETTINGS = Settings(blocks=3, sentences_per_block=4)


@pytest.fixture
def scripted(artifact_of: Callable[..., Path], run_folder: Path) -> Callable[..., Schedule]:
    """Make the schedule of a session with scripted models: one int8, one fp32."""

    def make(int8: dict[str, Any] = FAST, fp32: dict[str, Any] = SLOW, settings: Settings = SETTINGS) -> Schedule:
        folders = [artifact_of(json.dumps(int8), Precision.INT8), artifact_of(json.dumps(fp32), Precision.FP32)]
        schedule = make_schedule(folders, target=None, student=run_folder / "student-1", settings=settings)
        for measurement in schedule.measurements:
            measurement.folder = replace(measurement.folder, model=of_script(measurement.folder.model))
        return schedule

    return make


def read(paths: list[Path]) -> list[Record]:
    return [read_record(path) for path in paths]


def test_the_numbers_are_exactly_the_script(scripted: Callable[..., Schedule], tmp_path: Path) -> None:
    fast, slow = read(run_schedule(scripted(), tmp_path / "out"))
    assert fast.infer_ns == (1_000_000,) * 12
    assert slow.infer_ns == (3_000_000,) * 12
    ratio = speed_up(slow, fast)
    assert ratio is not None
    assert (ratio.value, ratio.low, ratio.high) == pytest.approx((3, 3, 3))
    assert [block.rows for block in fast.blocks] == [block.rows for block in slow.blocks]
    assert all(block.first_infer_ns == 9_000_000 and block.load_ns == 20_000_000 for block in fast.blocks)


def test_a_record_says_what_was_measured(
    scripted: Callable[..., Schedule], run_folder: Path, tmp_path: Path, tokens: Tokens
) -> None:
    schedule = scripted()
    paths = run_schedule(schedule, tmp_path / "out")
    fast, slow = read(paths)
    folder = schedule.measurements[0].folder
    assert paths[0] == tmp_path / "out" / "laptop-x86" / f"made-up-fake-int8-{folder.sha256[:8]}.json"
    assert fast.session == slow.session
    assert fast.model_sha256 == folder.sha256
    assert fast.student_sha256 == folder.parents["student"]
    assert (fast.target, fast.threads, fast.parameters) == ("laptop-x86", 1, 1234)
    assert fast.command == ("tinybert bench onnx-int8 onnx-fp32 --target laptop-x86 --blocks 3 --sentences 4 --seed 0")
    assert str(tmp_path) not in paths[0].read_text(encoding="utf-8")
    needed = (folder.path / name for name in ("model.onnx", SCRIPT, "tokenizer.json"))
    assert fast.size_bytes == sum(path.stat().st_size for path in needed)
    predicted = np.array([int(tokens.row_ids(row)[1]) % 2 for row in range(len(tokens))])
    assert (fast.task.kind, fast.task.names) == ("classification", LABELS)
    assert (fast.metric, fast.examples, fast.outputs) == ("accuracy", len(tokens), None)
    labels_N = read_evaluation(run_folder / "student-1").labels.values
    assert fast.quality is not None
    assert fast.quality["accuracy"].value == pytest.approx(np.mean(predicted == labels_N))
    assert fast.agreement["student"] == fast.quality["accuracy"].value  # the labels are the student's own answers
    assert fast.statistics is not None
    assert (fast.statistics.numbers()[:, 0] == (predicted == labels_N)).all()
    assert fast.constant is not None
    assert fast.constant["accuracy"] == pytest.approx(max(np.mean(labels_N == 0), np.mean(labels_N == 1)))
    assert fast.overlap is None


def test_examples_that_were_trained_on_are_recorded(scripted: Callable[..., Schedule], tmp_path: Path) -> None:
    schedule = scripted(settings=Settings(blocks=1, sentences_per_block=1))
    for measurement in schedule.measurements:
        assert measurement.references is not None
        in_training_N = np.arange(len(measurement.references.evaluation.labels)) > 1
        evaluation = replace(measurement.references.evaluation, in_training_N=in_training_N)
        measurement.references = replace(measurement.references, evaluation=evaluation)
    for record in read(run_schedule(schedule, tmp_path / "out")):
        assert record.overlap is not None
        assert record.statistics is not None
        assert record.overlap.examples == (record.examples or 0) - 2
        assert record.overlap.others == interval(ACCURACY, record.statistics.numbers()[:2])


def test_a_record_is_judged_by_the_recipes_metric(
    scripted: Callable[..., Schedule], run_folder: Path, tmp_path: Path
) -> None:
    schedule = scripted(settings=Settings(blocks=1, sentences_per_block=1))
    for measurement in schedule.measurements:
        assert measurement.references is not None
        student = measurement.references.student.model_copy(update={"recipe": {"metric": "matthews"}})
        measurement.references = replace(measurement.references, student=student)
    record, _ = read(run_schedule(schedule, tmp_path / "out"))
    evaluation = read_evaluation(run_folder / "student-1")
    reply = schedule.measurements[0].reply
    assert reply is not None
    outputs = reply.outputs
    assert record.metric == "matthews"
    assert record.quality == evaluate.intervals(record.task, outputs, evaluation.labels)
    assert record.drop == evaluate.drop(record.task, "matthews", outputs, evaluation.teacher, evaluation.labels)
    assert record.statistics is not None
    statistics = evaluate.statistics(record.task, outputs, evaluation.labels)["matthews"]
    assert record.statistics.dtype == "uint8"
    assert (record.statistics.numbers() == statistics).all()
    assert results.find_records(schedule, tmp_path / "out") is not None
    for measurement in schedule.measurements:
        assert measurement.references is not None
        student = measurement.references.student.model_copy(update={"recipe": {"metric": "f1_binary"}})
        measurement.references = replace(measurement.references, student=student)
    assert results.find_records(schedule, tmp_path / "out") is None


def test_models_take_turns_forwards_and_backwards(
    scripted: Callable[..., Schedule], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    schedule = scripted()
    order: list[str] = []
    real = type(schedule.measurements[0]).run_block

    def spy(measurement: Any, *rest: Any, **named: Any) -> None:
        order.append(measurement.folder.precision)
        real(measurement, *rest, **named)

    monkeypatch.setattr("bench.session.Measurement.run_block", spy)
    run_schedule(schedule, tmp_path / "out")
    assert order == ["int8", "fp32", "fp32", "int8", "int8", "fp32"]


def test_one_failure_leaves_the_others(scripted: Callable[..., Schedule], tmp_path: Path) -> None:
    schedule = scripted(int8={"accident": "exit"})
    with pytest.raises(WorkerError, match=r"fake on onnx-int8: the worker ended with exit code 7.*; 1 other records"):
        run_schedule(schedule, tmp_path / "out")
    (record,) = read(list((tmp_path / "out").rglob("*.json")))
    assert record.precision == "fp32"
    assert len(record.blocks) == 3


def test_labels_in_another_order_are_said(
    scripted: Callable[..., Schedule], tokens: Tokens, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    schedule = scripted(settings=Settings(blocks=1, sentences_per_block=1))
    others_N = [1 - int(tokens.row_ids(row)[1]) % 2 for row in range(len(tokens))]
    for measurement in schedule.measurements:
        assert measurement.references is not None
        teacher = of_logits(np.eye(2, dtype=np.float32)[others_N])
        evaluation = replace(measurement.references.evaluation, teacher=teacher)
        measurement.references = replace(measurement.references, evaluation=evaluation)
    run_schedule(schedule, tmp_path / "out")
    pairs = "'positive' where the teacher says 'negative', 'negative' where the teacher says 'positive'"
    said = " ".join(capsys.readouterr().err.split())
    assert f"warning: made-up, fake-int8 says {pairs}: its labels are probably in another order" in said


@pytest.mark.parametrize(
    ("int8", "message"),
    [
        ({"logits": [[float("nan"), 0.0], [0.0, 1.0]]}, "fake-int8: the model's outputs: not all are finite numbers"),
        (
            {"logits": [[1.0, 0.0, 0.0]]},
            r"fake-int8: the model's outputs: logits of shape \(24, 3\) in 24 rows, expected \(24, 2\)",
        ),
    ],
)
def test_a_model_that_cannot_be_judged_is_named_and_leaves_the_others(
    scripted: Callable[..., Schedule], tmp_path: Path, int8: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=rf"{message}.*; 1 other records"):
        run_schedule(scripted(int8=int8), tmp_path / "out")
    (record,) = read(list((tmp_path / "out").rglob("*.json")))
    assert record.precision == "fp32"


def test_an_interruption_leaves_no_record(
    scripted: Callable[..., Schedule], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_rest: Any, **_named: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("bench.session.Measurement.run_block", interrupt)
    with pytest.raises(KeyboardInterrupt):
        run_schedule(scripted(), tmp_path / "out")
    assert all(path.name.startswith(".unfinished-") for path in (tmp_path / "out").iterdir())
    with pytest.raises(InputError, match="no records in"):
        read_sessions([tmp_path / "out"])


def test_records_of_the_same_schedule_are_used_again(scripted: Callable[..., Schedule], tmp_path: Path) -> None:
    out = tmp_path / "out"
    schedule = scripted()
    assert results.find_records(schedule, out) is None
    paths = run_schedule(schedule, out)
    assert results.find_records(schedule, out) == paths
    other = make_schedule(
        [measurement.folder.path for measurement in schedule.measurements], target=None, student=None, settings=SETTINGS
    )
    for changed in (
        replace(schedule, rows_by_block=schedule.rows_by_block[:2]),
        replace(schedule, target="laptop-arm"),
        replace(schedule, machine=schedule.machine.model_copy(update={"kernel": "another"})),
        other,
    ):
        assert results.find_records(changed, out) is None
    paths[0].write_text("{}", encoding="utf-8")
    assert results.find_records(schedule, out) is None


def test_a_changed_artifact_is_refused_and_nothing_written(artifact_of: Callable[..., Path], tmp_path: Path) -> None:
    folder = artifact_of('{"load_ns": 10}')
    (folder / "script.json").write_text('{"load_ns": 11}', encoding="utf-8")
    with pytest.raises(InputError, match="its SHA-256 is not the one of its manifest"):
        measure([folder], out=tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_folder_of_something_else_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"holds no artifact.json, student.json or teacher.json"):
        measure([tmp_path], out=tmp_path / "out")
    packed = tmp_path / "packed.zip"
    packed.write_bytes(b"PK")
    with pytest.raises(InputError, match=r"packed.zip: not an archive: do not unpack it"):
        measure([packed], out=tmp_path / "out")


def test_another_students_labels_are_refused(
    artifact_of: Callable[..., Path], run_folder: Path, tmp_path: Path
) -> None:
    folder = artifact_of(parents={"student": "1" * 64})
    with pytest.raises(InputError, match="not made from the student in"):
        measure([folder], out=tmp_path / "out", student=run_folder / "student-1")


def test_labels_are_found_near_teacher_and_student(run_folder: Path) -> None:
    folders = [run_folder / "teacher-1", run_folder / "student-1"]
    schedule = make_schedule(folders, target="laptop-x86", student=None, settings=SETTINGS)
    teacher, student = schedule.measurements
    assert teacher.references is not None
    assert student.references is not None
    assert (teacher.folder.kind, student.folder.kind) == ("teacher", "student")
    assert teacher.folder.student_sha256 is None
    assert student.folder.student_sha256 == student.folder.sha256
    assert "evaluation.npz" not in student.folder.files
    assert {"config.json", "model.safetensors", "tokenizer.json"} <= set(student.folder.files)
    assert teacher.folder.parameters == 1234


@pytest.mark.parametrize(
    ("arch", "features", "target", "cause"),
    [
        ("x86_64", ("avx2",), "laptop-x86", None),
        ("x86_64", ("avx2", "avx512_vnni", "avx512_bf16"), "laptop-x86", None),
        ("x86_64", (), "laptop-x86", "the processor has no avx2"),
        ("x86_64", ("avx2", "avx_vnni"), "laptop-x86-vnni", None),
        ("x86_64", ("avx2", "avx512_vnni"), "laptop-x86-vnni", None),
        ("x86_64", ("avx2",), "laptop-x86-vnni", "the processor has no vnni"),
        ("x86_64", ("avx2", "avx512_vnni"), "laptop-arm", "the user space is x86_64, not aarch64"),
        ("aarch64", ("neon", "dotprod", "fp16"), "laptop-arm", None),
        ("aarch64", ("neon",), "laptop-arm", "the processor has no dotprod, fp16"),
        ("aarch64", ("neon", "dotprod", "fp16"), "laptop-x86", "the user space is aarch64, not x86_64"),
    ],
)
def test_times_from_another_processor_do_not_apply_to_the_target(
    artifact_of: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
    arch: str,
    features: tuple[str, ...],
    target: str,
    cause: str | None,
) -> None:
    machine = Facts(
        arch=arch,
        isa_features=features,
        model="a processor",
        memory_bytes=2**33,
        cores=4,
        system="linux",
        python="3.11.2",
        glibc="2.36",
    )
    monkeypatch.setattr("bench.schedule.read_facts", lambda: machine)
    here = fingerprint().model_copy(update={"emulated": False})
    monkeypatch.setattr("bench.schedule.fingerprint", lambda: here)
    mismatches = make_schedule([artifact_of()], target=target, student=None, settings=SETTINGS).mismatches
    expected = f"timings from this machine do not apply to {target}: {cause}"
    assert [mismatch.partition(" (")[0] for mismatch in mismatches] == ([expected] if cause else [])


@pytest.mark.parametrize(("blocks", "sentences"), [(0, 4), (3, 0)])
def test_an_empty_session_is_refused(blocks: int, sentences: int) -> None:
    with pytest.raises(InputError, match="at least one block of one sentence"):
        Settings(blocks=blocks, sentences_per_block=sentences)


def test_each_block_has_the_lengths_of_the_split() -> None:
    lengths_N = np.random.default_rng(0).integers(4, 60, 500)
    blocks = [sample_rows(lengths_N, block=block, sentences=40, seed=0) for block in range(5)]
    assert len(set(blocks)) == 5
    assert blocks[0] == sample_rows(lengths_N, block=0, sentences=40, seed=0)
    for chosen in blocks:
        assert len(chosen) == len(set(chosen)) == 40
        assert np.mean(lengths_N[list(chosen)]) == pytest.approx(np.mean(lengths_N), rel=0.05)
    assert len(sample_rows(lengths_N[:3], block=0, sentences=40, seed=0)) == 40

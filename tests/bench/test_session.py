"""A session over scripted models: exact numbers, through real processes."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench import plan as plans
from bench import results, rows
from bench.latency import speed_up
from bench.machine import fingerprint
from bench.plan import Plan
from bench.record import Record, read_record
from bench.session import carry_out, measure
from bench.settings import Settings
from contract.errors import InputError, WorkerError
from contract.tokens import Tokens
from infer.folders.student import read_evaluation
from infer.tasks import judge
from targets.machine import Facts
from targets.profile import Precision

LABELS = ("negative", "positive")
FAST = {"infer_ns": [1_000_000]}
SLOW = {"infer_ns": [3_000_000]}
SETTINGS = Settings(blocks=3, sentences_per_block=4)


@pytest.fixture
def make_plan(artifact_of: Callable[..., Path], run_folder: Path) -> Callable[..., Plan]:
    """Plan a session of scripted models: one int8, one fp32."""

    def make(int8: dict[str, Any] = FAST, fp32: dict[str, Any] = SLOW, settings: Settings = SETTINGS) -> Plan:
        folders = [artifact_of(json.dumps(int8), Precision.INT8), artifact_of(json.dumps(fp32), Precision.FP32)]
        plan = plans.make(folders, target=None, student=run_folder / "student-1", settings=settings)
        for trial in plan.trials:
            trial.subject = replace(trial.subject, model=replace(trial.subject.model, runtime="fake"))
        return plan

    return make


def read(paths: list[Path]) -> list[Record]:
    return [read_record(path) for path in paths]


def test_the_numbers_are_exactly_the_script(make_plan: Callable[..., Plan], tmp_path: Path) -> None:
    fast, slow = read(carry_out(make_plan(), tmp_path / "out"))
    assert fast.infer_ns == (1_000_000,) * 12
    assert slow.infer_ns == (3_000_000,) * 12
    ratio = speed_up(slow, fast)
    assert ratio is not None
    assert (ratio.value, ratio.low, ratio.high) == pytest.approx((3, 3, 3))
    assert [block.rows for block in fast.blocks] == [block.rows for block in slow.blocks]
    assert all(block.first_infer_ns == 9_000_000 and block.load_ns == 20_000_000 for block in fast.blocks)


def test_a_record_says_what_was_measured(
    make_plan: Callable[..., Plan], run_folder: Path, tmp_path: Path, tokens: Tokens
) -> None:
    plan = make_plan()
    paths = carry_out(plan, tmp_path / "out")
    fast, slow = read(paths)
    subject = plan.trials[0].subject
    assert paths[0] == tmp_path / "out" / "laptop-x86" / f"made-up-fake-int8-{subject.sha256[:8]}.json"
    assert fast.session == slow.session
    assert fast.model_sha256 == subject.sha256
    assert fast.student_sha256 == subject.parents["student"]
    assert (fast.target, fast.threads, fast.parameters) == ("laptop-x86", 1, 1234)
    assert fast.command == ("tinybert bench onnx-int8 onnx-fp32 --target laptop-x86 --blocks 3 --sentences 4 --seed 0")
    assert str(tmp_path) not in paths[0].read_text(encoding="utf-8")
    script, tokenizer = (subject.folder / name for name in ("script.json", "tokenizer.json"))
    assert fast.size_bytes == script.stat().st_size + tokenizer.stat().st_size
    predicted = np.array([int(tokens.row_ids(row)[1]) % 2 for row in range(len(tokens))])
    assert (fast.task.kind, fast.task.names) == ("classification", LABELS)
    assert (fast.metric, fast.examples, fast.outputs) == ("accuracy", len(tokens), None)
    labels_N = read_evaluation(run_folder / "student-1").labels.values
    assert fast.quality is not None
    assert fast.quality["accuracy"].value == pytest.approx(np.mean(predicted == labels_N))
    assert fast.agreement["student"] == fast.quality["accuracy"].value  # the labels are the student's own answers
    assert fast.statistics is not None
    assert (fast.statistics.numbers()[:, 0] == (predicted == labels_N)).all()


def test_a_record_is_judged_by_the_recipes_metric(
    make_plan: Callable[..., Plan], run_folder: Path, tmp_path: Path
) -> None:
    plan = make_plan(settings=Settings(blocks=1, sentences_per_block=1))
    for trial in plan.trials:
        assert trial.answers is not None
        student = trial.answers.student.model_copy(update={"recipe": {"metric": "matthews"}})
        trial.answers = replace(trial.answers, student=student)
    record, _ = read(carry_out(plan, tmp_path / "out"))
    evaluation = read_evaluation(run_folder / "student-1")
    reply = plan.trials[0].reply
    assert reply is not None
    outputs = reply.outputs
    assert record.metric == "matthews"
    assert record.quality == judge.intervals(record.task, outputs, evaluation.labels)
    assert record.drop == judge.drop(record.task, "matthews", outputs, evaluation.teacher, evaluation.labels)
    assert record.statistics is not None
    statistics = judge.statistics(record.task, outputs, evaluation.labels)["matthews"]
    assert record.statistics.dtype == "uint8"
    assert (record.statistics.numbers() == statistics).all()
    assert results.find_session(plan, tmp_path / "out") is not None
    for trial in plan.trials:
        assert trial.answers is not None
        student = trial.answers.student.model_copy(update={"recipe": {"metric": "f1_binary"}})
        trial.answers = replace(trial.answers, student=student)
    assert results.find_session(plan, tmp_path / "out") is None


def test_models_take_turns_forwards_and_backwards(
    make_plan: Callable[..., Plan], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = make_plan()
    order: list[str] = []
    real = type(plan.trials[0]).run_block

    def spy(trial: Any, *rest: Any, **named: Any) -> None:
        order.append(trial.subject.precision)
        real(trial, *rest, **named)

    monkeypatch.setattr("bench.session.Trial.run_block", spy)
    carry_out(plan, tmp_path / "out")
    assert order == ["int8", "fp32", "fp32", "int8", "int8", "fp32"]


def test_one_failure_leaves_the_others(make_plan: Callable[..., Plan], tmp_path: Path) -> None:
    plan = make_plan(int8={"accident": "exit"})
    with pytest.raises(WorkerError, match=r"fake on onnx-int8: the worker ended with exit code 7.*; 1 other records"):
        carry_out(plan, tmp_path / "out")
    (record,) = read(list((tmp_path / "out").rglob("*.json")))
    assert record.precision == "fp32"
    assert len(record.blocks) == 3


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
    make_plan: Callable[..., Plan], tmp_path: Path, int8: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=rf"{message}.*; 1 other records"):
        carry_out(make_plan(int8=int8), tmp_path / "out")
    (record,) = read(list((tmp_path / "out").rglob("*.json")))
    assert record.precision == "fp32"


def test_an_interruption_leaves_nothing_half(
    make_plan: Callable[..., Plan], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_rest: Any, **_named: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("bench.session.Trial.run_block", interrupt)
    with pytest.raises(KeyboardInterrupt):
        carry_out(make_plan(), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_records_of_the_same_plan_are_found_again(make_plan: Callable[..., Plan], tmp_path: Path) -> None:
    out = tmp_path / "out"
    plan = make_plan()
    assert results.find_session(plan, out) is None
    paths = carry_out(plan, out)
    assert results.find_session(plan, out) == paths
    other = plans.make([trial.subject.folder for trial in plan.trials], target=None, student=None, settings=SETTINGS)
    for changed in (
        replace(plan, rows_by_block=plan.rows_by_block[:2]),
        replace(plan, target="laptop-arm"),
        replace(plan, machine=plan.machine.model_copy(update={"kernel": "another"})),
        other,
    ):
        assert results.find_session(changed, out) is None
    paths[0].write_text("{}", encoding="utf-8")
    assert results.find_session(plan, out) is None


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
    with pytest.raises(InputError, match=r"a file, not a folder: unpack what is packed: python -m zipfile"):
        measure([packed], out=tmp_path / "out")


def test_another_students_labels_are_refused(
    artifact_of: Callable[..., Path], run_folder: Path, tmp_path: Path
) -> None:
    folder = artifact_of(parents={"student": "1" * 64})
    with pytest.raises(InputError, match="not made from the student in"):
        measure([folder], out=tmp_path / "out", student=run_folder / "student-1")


def test_labels_are_found_near_teacher_and_student(run_folder: Path) -> None:
    folders = [run_folder / "teacher-1", run_folder / "student-1"]
    plan = plans.make(folders, target="laptop-x86", student=None, settings=SETTINGS)
    teacher, student = plan.trials
    assert teacher.answers is not None
    assert student.answers is not None
    assert (teacher.subject.kind, student.subject.kind) == ("teacher", "student")
    assert teacher.subject.student_sha256 is None
    assert student.subject.student_sha256 == student.subject.sha256
    assert "evaluation.npz" not in student.subject.files
    assert {"config.json", "model.safetensors", "tokenizer.json"} <= set(student.subject.files)
    assert teacher.subject.parameters == 1234


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
def test_times_of_another_processor_are_told_from_the_targets(
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
    monkeypatch.setattr(plans, "facts", lambda: machine)
    here = fingerprint().model_copy(update={"emulated": False})
    monkeypatch.setattr(plans, "fingerprint", lambda: here)
    foreign = plans.make([artifact_of()], target=target, student=None, settings=SETTINGS).foreign
    expected = f"measured elsewhere than on {target}, so its times say nothing: {cause}"
    assert [one.partition(" (")[0] for one in foreign] == ([expected] if cause else [])


@pytest.mark.parametrize(("blocks", "sentences"), [(0, 4), (3, 0)])
def test_an_empty_session_is_refused(blocks: int, sentences: int) -> None:
    with pytest.raises(InputError, match="at least one block of one sentence"):
        Settings(blocks=blocks, sentences_per_block=sentences)


def test_each_block_has_the_lengths_of_the_split() -> None:
    lengths_N = np.random.default_rng(0).integers(4, 60, 500)
    blocks = [rows.draw(lengths_N, block=block, sentences=40, seed=0) for block in range(5)]
    assert len(set(blocks)) == 5
    assert blocks[0] == rows.draw(lengths_N, block=0, sentences=40, seed=0)
    for chosen in blocks:
        assert len(chosen) == len(set(chosen)) == 40
        assert np.mean(lengths_N[list(chosen)]) == pytest.approx(np.mean(lengths_N), rel=0.05)
    assert len(rows.draw(lengths_N[:3], block=0, sentences=40, seed=0)) == 40

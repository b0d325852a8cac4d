"""Distillation as users see it: a student is trained, reused, and resumed after an interruption."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from contract.errors import InputError
from contract.folder import verify
from distill.distil import distil
from distill.prepare import prepare
from distill.recipe.shape import PRESETS
from distill.training.checkpoints import last_complete
from infer.folders.student import read_calibration, read_evaluation, read_student


def _distil(recipe: Path, data: Path, out: Path, changes: list[str] | None = None) -> tuple[Path, Path]:
    return distil(*prepare(str(recipe), data, None, None, changes), out)


def test_a_student_learns_and_loads_without_this_project(
    tmp_path: Path, recipe_file: Callable[..., Path], sentences_file: Callable[..., Path]
) -> None:
    data = sentences_file()
    _, student = _distil(recipe_file(), data, tmp_path / "out")
    manifest = read_student(student)
    verify(student, manifest)
    evaluation = read_evaluation(student)
    assert (evaluation.student.logits.values.argmax(axis=1) == evaluation.labels.values).mean() == 1
    model = AutoModelForSequenceClassification.from_pretrained(student)
    tokenizer = AutoTokenizer.from_pretrained(student)
    texts = [line.split("\t")[0] for line in (data / "dev.tsv").read_text().splitlines()[1:]]
    with torch.no_grad():
        logits_NC = model.eval()(**tokenizer(texts, return_tensors="pt", padding=True)).logits.numpy()
    np.testing.assert_allclose(logits_NC, evaluation.student.logits.values, atol=1e-5)
    assert len(read_calibration(student)) == 8
    assert model.config.id2label == {0: "negative", 1: "positive"}


def test_a_finished_student_is_found_and_another_recipe_makes_another(
    tmp_path: Path, recipe_file: Callable[..., Path], sentences_file: Callable[..., Path]
) -> None:
    data, out, recipe = sentences_file(), tmp_path / "out", recipe_file()
    teacher, student = _distil(recipe, data, out)
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*") if path.is_file()}
    assert _distil(recipe, data, out) == (teacher, student)
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*") if path.is_file()} == before
    same_teacher, other = _distil(recipe, data, out, ["stages.1.epochs=1"])
    assert same_teacher == teacher
    assert other != student
    assert student.is_dir()


def test_a_finished_student_is_judged_by_the_metric_asked_for_last(
    tmp_path: Path, recipe_file: Callable[..., Path], sentences_file: Callable[..., Path]
) -> None:
    data, out, recipe = sentences_file(), tmp_path / "out", recipe_file()
    quick = ["teacher.epochs=0", "teacher.floor=0", "stages.0.epochs=0", "stages.1.epochs=0"]
    _, student = _distil(recipe, data, out, quick)
    before = (student / "model.safetensors").stat().st_mtime_ns
    assert read_student(student).main_metric == "accuracy"
    assert _distil(recipe, data, out, [*quick, "metric=matthews"])[1] == student
    assert read_student(student).main_metric == "matthews"
    assert (student / "model.safetensors").stat().st_mtime_ns == before
    assert _distil(recipe, data, out, quick)[1] == student
    assert read_student(student).main_metric == "accuracy"


@pytest.mark.parametrize("preset", [name for name, shape in PRESETS.items() if shape.layers == 2])
def test_a_preset_starts_at_random_with_its_own_width(
    tmp_path: Path, recipe_file: Callable[..., Path], sentences_file: Callable[..., Path], preset: str
) -> None:
    recipe = recipe_file(student=f'preset = "{preset}"')
    # The teacher has another number of heads.
    changes = ["stages.0.losses.attention=0", "stages.0.losses.relation=1", "stages.0.relation_heads=4"]
    _, student = _distil(recipe, sentences_file(), tmp_path / "out", changes)
    config = AutoModelForSequenceClassification.from_pretrained(student).config
    assert (config.num_hidden_layers, config.hidden_size) == (PRESETS[preset].layers, PRESETS[preset].width)


def test_attention_scores_of_different_heads_are_refused(
    tmp_path: Path, recipe_file: Callable[..., Path], sentences_file: Callable[..., Path]
) -> None:
    recipe = recipe_file(student='preset = "bert-2l-128d"')
    with pytest.raises(InputError, match="the attention loss needs equal heads, the student has 2 and the teacher 4"):
        _distil(recipe, sentences_file(), tmp_path / "out")


def test_an_unknown_preset_names_the_near_miss(
    recipe_file: Callable[..., Path], sentences_file: Callable[..., Path]
) -> None:
    recipe = recipe_file(student='preset = "tinybert-4l-321d"')
    with pytest.raises(InputError, match=r"unknown preset 'tinybert-4l-321d', did you mean 'tinybert-4l-312d'\?"):
        prepare(str(recipe), sentences_file(), None, None, None)


def test_a_checkpoint_that_was_not_written_to_its_end_is_left_out(tmp_path: Path) -> None:
    for step, state in ((9, "{}"), (10, '{"global_step": 10}'), (30, '{"global_'), (40, None)):
        checkpoint = tmp_path / f"checkpoint-{step}"
        checkpoint.mkdir()
        if state is not None:
            (checkpoint / "trainer_state.json").write_text(state)
    assert last_complete(tmp_path) == str(tmp_path / "checkpoint-10")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["checkpoint-10", "checkpoint-9"]


def test_a_student_of_a_newer_version_is_not_overwritten(
    tmp_path: Path, recipe_file: Callable[..., Path], sentences_file: Callable[..., Path]
) -> None:
    data, out, recipe = sentences_file(), tmp_path / "out", recipe_file()
    _, student = _distil(recipe, data, out)
    manifest = student / "student.json"
    manifest.write_text(manifest.read_text().replace('"schema_version": 2', '"schema_version": 3'))
    with pytest.raises(InputError, match="layout 3 is newer than the 2 this tool knows: upgrade tinybert-edge"):
        _distil(recipe, data, out)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_an_interrupted_training_ends_with_the_weights_of_an_uninterrupted_one(
    tmp_path: Path, recipe_file: Callable[..., Path], sentences_file: Callable[..., Path], number: signal.Signals
) -> None:
    data, recipe = sentences_file(train_rows=400), recipe_file()
    arguments = [sys.executable, "-m", "tinybert_edge", "distill", str(recipe), "--data", str(data), "--out"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    subprocess.run([*arguments, str(whole)], check=True, env=environment, capture_output=True)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a child of a background job would ignore it
    process = subprocess.Popen(
        [*arguments, str(broken)], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    while not list(broken.glob(".teacher-*.work/checkpoint-*/trainer_state.json")):
        assert process.poll() is None, "it ended before it wrote a checkpoint"
        time.sleep(0.05)
    process.send_signal(number)
    assert process.wait() == {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGHUP: 143, signal.SIGKILL: -9}[number]
    assert not list(broken.glob("student-*"))
    subprocess.run([*arguments, str(broken)], check=True, env=environment, capture_output=True)
    for expected in whole.glob("*/model.safetensors"):
        weights, resumed = (
            load_file(expected),
            load_file(next(broken.glob(f"{expected.parent.name[:7]}*/{expected.name}"))),
        )
        assert all(torch.equal(weights[name], resumed[name]) for name in weights)
    assert not list(broken.glob(".*.work"))

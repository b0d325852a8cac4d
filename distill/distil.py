"""The distillation stage: a recipe and data in, a teacher folder and a student folder out."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from torch import nn
from transformers import PreTrainedModel, set_seed

from contract.digest import sha256_of_value
from contract.errors import InputError
from contract.files import write_atomic
from contract.folder import building, identity, inventory, is_finished, write_manifest
from contract.progress import note
from contract.tokens import Tokens, write_tokens
from contract.versions import versions_of
from distill import card, expected, tasks, teacher, training
from distill.batches import Collate, Sentences
from distill.compare import check_shapes, needs_inside
from distill.dataset import Splits
from distill.encoder import Encoder
from distill.initialise import initialise, parameters
from distill.predict import predict
from distill.recipe import Recipe, Stage
from distill.student import (
    CALIBRATION,
    SCHEMA,
    STUDENT_MANIFEST,
    TEACHER_MANIFEST,
    Evaluation,
    Student,
    read_evaluation,
    write_evaluation,
)
from distill.tasks.rows import Labels
from distill.trainer import DistillationTrainer, Pupil

METHOD = 1  # raised when the same recipe would give another student


@dataclass(frozen=True, kw_only=True, slots=True)
class Lesson:
    """What a stage trains on: the teacher, the training sentences, and where its unfinished work is kept."""

    teacher: PreTrainedModel
    tokens: Tokens
    labels_N: Labels
    seed: int
    work: Path


def distil(recipe: Recipe, encoder: Encoder, splits: Splits, out: Path) -> tuple[Path, Path]:
    """Make the teacher and the student of a recipe, or find them finished.

    Args:
        recipe: the distillation.
        encoder: the teacher's model.
        splits: the task's data.
        out: the folder to make `teacher-…` and `student-…` in.

    Returns:
        The teacher folder and the student folder.

    Raises:
        InputError: the teacher is refused, or the student cannot learn from it as the recipe says.
    """
    teacher_folder = teacher.make(recipe, encoder, splits, out)
    key = _key(recipe, identity(teacher_folder / TEACHER_MANIFEST))
    folder = out / f"student-{key[:8]}"
    if is_finished(folder / STUDENT_MANIFEST, Student, key):
        training.forget(training.work_folder(folder))
    else:
        _make(recipe, splits, teacher_folder, folder, key)
    evaluation = read_evaluation(folder)
    values = tasks.get(recipe.task).values(evaluation.labels_N, evaluation.student_logits_NC)
    note(expected.remark(recipe, values))
    return teacher_folder, folder


def _key(recipe: Recipe, teacher_identity: str) -> str:
    return sha256_of_value(
        {
            "method": METHOD,
            "teacher": teacher_identity,
            "student": recipe.student.model_dump(),
            "stages": [stage.model_dump() for stage in recipe.stages],
            "calibration_sentences": recipe.calibration_sentences,
            "seed": recipe.seed,
        }
    )


def _make(recipe: Recipe, splits: Splits, teacher_folder: Path, folder: Path, key: str) -> None:
    teacher_model = teacher.load(teacher_folder, tasks.get(recipe.task).head(recipe.data.label_names))
    start = initialise(teacher_model, recipe.student, recipe.seed)
    for stage in recipe.stages:
        check_shapes(start.model, teacher_model, stage)
    tokens = teacher.tokenise_splits(teacher_folder, splits, recipe.max_length_tokens)
    pupil = Pupil(start.model, teacher_model.config.hidden_size, start.teacher_layers)
    calibration = _calibration(tokens.train, tokens.validation, recipe)
    work = training.work_folder(folder)
    lesson = Lesson(
        teacher=teacher_model, tokens=tokens.train, labels_N=splits.train.labels_N, seed=recipe.seed, work=work
    )
    bf16, reason = training.bf16_choice()
    note(f"Training in {'bfloat16' if bf16 else 'float32'}: {reason}")
    for number, stage in enumerate(recipe.stages):
        title = f"Distilling, stage {number + 1} of {len(recipe.stages)}: {stage.name}"
        _train_once(pupil, stage, lesson, work / f"stage-{number}", title)
    evaluation = Evaluation(
        tokens=tokens.validation,
        labels_N=splits.validation.labels_N,
        teacher_logits_NC=predict(teacher_model, tokens.validation, "The teacher's answers"),
        student_logits_NC=predict(pupil.student, tokens.validation, "The student's answers"),
    )
    with building(folder) as scratch:
        pupil.student.save_pretrained(scratch)
        tokens.tokenizer.save_pretrained(scratch)
        write_evaluation(scratch, evaluation)
        write_tokens(scratch / CALIBRATION, calibration)
        write_atomic(scratch / "README.md", card.write(recipe, start.shape, evaluation))
        manifest = Student(
            schema_version=SCHEMA,
            key=key,
            files=inventory(scratch),
            parents={"teacher": identity(teacher_folder / TEACHER_MANIFEST)},
            tool_versions=versions_of(*teacher.LIBRARIES),
            name=recipe.name,
            task=recipe.task,
            label_names=recipe.data.label_names,
            max_length_tokens=recipe.max_length_tokens,
            parameters=parameters(pupil.student),
            seed=recipe.seed,
            shape=start.shape,
            recipe=recipe.model_dump(mode="json", exclude_unset=True),
        )
        write_manifest(scratch / STUDENT_MANIFEST, manifest)
    training.forget(work)


def _train_once(pupil: Pupil, stage: Stage, lesson: Lesson, work: Path, title: str) -> None:
    """Train one stage, or load what it ended with; a finished stage is never trained again."""
    finished = work / "finished.safetensors"
    if finished.is_file():
        pupil.load_state_dict(load_file(finished))
        return
    _train(pupil, stage, lesson, work, title)
    half = work / "finished.partial"
    save_file(pupil.state_dict(), half)
    half.replace(finished)


def _train(pupil: nn.Module, stage: Stage, lesson: Lesson, work: Path, title: str) -> None:
    beside: dict[str, NDArray[Any]] = {"labels": lesson.labels_N}
    if not needs_inside(stage):
        beside["teacher_logits"] = _teacher_logits(lesson)
    set_seed(lesson.seed)
    trainer = DistillationTrainer(
        model=pupil,
        teacher=lesson.teacher,
        stage=stage,
        args=training.arguments(stage, work, sentences=len(lesson.tokens), seed=lesson.seed),
        train_dataset=Sentences(lesson.tokens),
        data_collator=Collate(tokens=lesson.tokens, beside=beside),
    )
    if not any(work.glob("checkpoint-*")):
        trainer.preflight()
    training.fit(trainer, title)


def _teacher_logits(lesson: Lesson) -> NDArray[np.float32]:
    """Run the teacher over the training sentences once for all stages that need its logits only."""
    cache = lesson.work / "teacher-logits.npy"
    if not cache.is_file():
        bf16, _ = training.bf16_choice()
        logits_NC = predict(lesson.teacher, lesson.tokens, "The teacher's answers on training data", bf16=bf16)
        cache.parent.mkdir(parents=True, exist_ok=True)
        half = cache.with_suffix(".partial")
        with half.open("wb") as file:
            np.save(file, logits_NC, allow_pickle=False)
        half.replace(cache)
    cached: NDArray[np.float32] = np.load(cache, mmap_mode="r", allow_pickle=False)
    return cached


def _calibration(train: Tokens, validation: Tokens, recipe: Recipe) -> Tokens:
    """Choose training sentences at random, but spread evenly over the lengths; none that is validated on.

    Raises:
        InputError: every training sentence is also a validation sentence.
    """
    validated = {validation.row_ids(row).tobytes() for row in range(len(validation))}
    by_length = [
        row for row in np.argsort(train.lengths, kind="stable") if train.row_ids(row).tobytes() not in validated
    ]
    if not by_length:
        raise InputError(
            "every training sentence is also in the validation split", "give a validation split of other sentences"
        )
    parts = np.array_split(by_length, min(recipe.calibration_sentences, len(by_length)))
    generator = np.random.default_rng(recipe.seed)
    return train.take([int(generator.choice(part)) for part in parts])

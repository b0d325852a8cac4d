"""The distillation stage: a recipe and data in, a teacher folder and a student folder out."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from transformers import PreTrainedModel

from contract.digest import sha256_of_value
from contract.errors import InputError
from contract.files import write_atomic
from contract.folder import building, identity, inventory, is_finished, write_manifest
from contract.tokens import Tokens, write_tokens
from contract.versions import versions_of
from distill import card, general, processes, stages, teacher, training
from distill.cache import TeacherCache, cache_folder
from distill.compare import check_shapes
from distill.dataset import Splits
from distill.encoder import Encoder
from distill.general import MANIFEST as GENERAL_MANIFEST
from distill.initialise import initialise, parameters
from distill.predict import predict
from distill.recipe import Recipe
from distill.stages import Lesson
from distill.student import (
    CALIBRATION,
    SCHEMA,
    STUDENT_MANIFEST,
    TEACHER_MANIFEST,
    Evaluation,
    Student,
    write_evaluation,
)

METHOD = 2  # raised when the same recipe would give another student


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
    general_folder = general.make(recipe, encoder, out) if recipe.start == "general" else None
    key = _key(recipe, identity(teacher_folder / TEACHER_MANIFEST), general_folder)
    folder = out / f"student-{key[:8]}"
    if processes.of_main(lambda: is_finished(folder / STUDENT_MANIFEST, Student, key)):
        training.forget(training.work_folder(folder))
    else:
        _make(recipe, splits, _Parents(teacher=teacher_folder, general=general_folder), folder, key)
        processes.wait()
    return teacher_folder, folder


def _key(recipe: Recipe, teacher_identity: str, general: Path | None) -> str:
    return sha256_of_value(
        {
            "method": METHOD,
            "teacher": teacher_identity,
            "general": general and identity(general / GENERAL_MANIFEST),
            "student": recipe.student.model_dump(exclude={"seed"}),
            "stages": [stage.model_dump(exclude={"not_finite"}) for stage in recipe.stages],
            "calibration_sentences": recipe.calibration_sentences,
            "seed": recipe.student_seed,
        }
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class _Parents:
    """The folders a student is made from; no general student where it starts otherwise."""

    teacher: Path
    general: Path | None

    def identities(self) -> dict[str, str]:
        """Return the identity of each, by role."""
        found = {"teacher": identity(self.teacher / TEACHER_MANIFEST)}
        if self.general is not None:
            found["general"] = identity(self.general / GENERAL_MANIFEST)
        return found


def _make(recipe: Recipe, splits: Splits, parents: _Parents, folder: Path, key: str) -> None:
    model = teacher.load(parents.teacher, recipe.data.label_names)
    start = initialise(model, recipe, parents.general)
    for stage in recipe.stages:
        check_shapes(start.model, model, stage)
    tokens = teacher.tokenise_splits(parents.teacher, splits, recipe.max_length_tokens)
    calibration = _calibration(tokens.train, tokens.validation, recipe)
    work = training.work_folder(folder)
    lesson = Lesson(
        teacher=model,
        cache=_cache(model, parents, tokens.train, folder.parent),
        tokens=tokens.train,
        teacher_ids_V=np.arange(model.config.vocab_size),
        labels_N=splits.train.labels_N,
        seed=recipe.student_seed,
        work=work,
    )
    stages.train(start, recipe.stages, lesson)
    if not processes.is_main():
        return
    evaluation = Evaluation(
        tokens=tokens.validation,
        labels_N=splits.validation.labels_N,
        teacher_logits_NC=predict(model, tokens.validation, "The teacher's answers"),
        student_logits_NC=predict(start.model, tokens.validation, "The student's answers"),
    )
    with building(folder) as scratch:
        start.model.save_pretrained(scratch)
        tokens.tokenizer.save_pretrained(scratch)
        write_evaluation(scratch, evaluation)
        write_tokens(scratch / CALIBRATION, calibration)
        write_atomic(scratch / "README.md", card.write(recipe, start.shape, evaluation))
        manifest = Student(
            schema_version=SCHEMA,
            key=key,
            files=inventory(scratch),
            parents=parents.identities(),
            tool_versions=versions_of(*teacher.LIBRARIES),
            name=recipe.name,
            task=recipe.task,
            label_names=recipe.data.label_names,
            max_length_tokens=recipe.max_length_tokens,
            parameters=parameters(start.model),
            seed=recipe.student_seed,
            shape=start.shape,
            recipe=recipe.model_dump(mode="json", exclude_unset=True),
        )
        write_manifest(scratch / STUDENT_MANIFEST, manifest)
    training.forget(work)


def _cache(model: PreTrainedModel, parents: _Parents, tokens: Tokens, out: Path) -> TeacherCache:
    bf16, _ = training.bf16_choice()
    folder = cache_folder(out, identity(parents.teacher / TEACHER_MANIFEST), tokens, bf16=bf16)
    return TeacherCache(folder=folder, model=lambda: model, tokens=tokens, bf16=bf16)


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
    generator = np.random.default_rng(recipe.student_seed)
    return train.take([int(generator.choice(part)) for part in parts])

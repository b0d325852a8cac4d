"""Distil the teachers of several tasks into one encoder (Clark et al., BAM, arXiv 1907.04829, section 3)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from transformers import PreTrainedTokenizerFast

from contract import ragged
from contract import tokens as token_rows
from contract.digest import sha256_of_value
from contract.errors import InputError
from contract.folder import is_finished
from contract.progress import note
from contract.tokens import Tokens
from distill import tasks, teacher
from distill.cache_keys import stage_key, student_key
from distill.data.calibration import choose_calibration, special_ids
from distill.data.overlap import in_training
from distill.data.rows import Splits
from distill.data.tokenise import load_tokenizer, tokenise, tokenise_by
from distill.dry_run.meta_models import build_meta_models
from distill.fusion import fused_logits
from distill.model.predict import predict
from distill.model.source import Encoder, locate
from distill.multitask.model import load_encoder, outputs_of, with_outputs_of
from distill.multitask.recipe import MultitaskRecipe
from distill.parents import Parents
from distill.recipe import Recipe
from distill.student.compress import compress
from distill.student.doubts import find_doubts
from distill.student.folder import TrainedStudent, update_metric, write_student
from distill.student.initialise import Start, initialise
from distill.training import checkpoints, processes, stages
from distill.training.cache import TeacherCache
from distill.training.heads import Head
from distill.training.stages import TrainingSet
from infer.folders.student import STUDENT_MANIFEST, Evaluation, Student, read_evaluation

REVISION = 1  # bump when the same recipe would give another student


@dataclass(frozen=True, kw_only=True, slots=True)
class TaskData:
    """A task: its recipe, its teacher's model, and its data."""

    recipe: Recipe
    encoder: Encoder
    splits: Splits


@dataclass(frozen=True, kw_only=True, slots=True)
class TaskTeacher:
    """A task with its teachers and its head of the student."""

    task: TaskData
    parents: Parents
    head: Head


def distil(recipe: MultitaskRecipe, task_data: Sequence[TaskData], out: Path) -> tuple[Path, ...]:
    """Make the teachers and the shared student, or reuse finished ones.

    Each task gets its own student folder, to convert and measure like any other: all of them contain the same encoder,
    with a different head.

    Args:
        recipe: the student's recipe.
        task_data: recipe, model and data of each task.
        out: folder for a folder per task, named like its recipe, with `teacher-…` and `student-…`.

    Returns:
        The student folder of each task.

    Raises:
        InputError: two recipes share a name, a recipe is not supported here, a teacher is refused, or the student
            cannot be built from the model.
    """
    _check(task_data)
    recipes = [_with_shared_student(task.recipe, recipe) for task in task_data]
    encoder = locate(recipe.model) if recipe.model else task_data[0].encoder
    for task_recipe, task in zip(recipes, task_data, strict=True):
        # Refuse an impossible student before teachers are fine-tuned for it.
        build_meta_models(task_recipe, encoder, task.splits.train)
        for model in _models(task):
            teacher.check_unless_built(task.recipe, model, task.splits, out / task.recipe.name)
    load_encoder(encoder, recipes, device_map="meta")  # its weights' names and shapes
    teachers = _teachers(task_data, out)
    key = _key(recipe, encoder, recipes, teachers)
    folders = tuple(out / task_recipe.name / f"student-{key[:8]}" for task_recipe in recipes)
    if not processes.broadcast_from_main(lambda: _are_finished(folders, key)):
        _make(recipes, encoder, teachers, folders, key)
        processes.wait()
    elif processes.is_main():
        for task_recipe, folder in zip(recipes, folders, strict=True):
            update_metric(task_recipe, folder)
    for task_recipe, task, folder in zip(recipes, task_data, folders, strict=True):
        evaluation = replace(read_evaluation(folder), in_training_N=in_training(task.splits))
        for line in find_doubts(task_recipe.settings, evaluation, task_recipe.main_metric):
            note(f"warning: {task_recipe.name}: {line}")
    return folders


def _check(task_data: Sequence[TaskData]) -> None:
    names = [task.recipe.name for task in task_data]
    if len(set(names)) < len(names):
        raise InputError(f"two recipes have the same name ({', '.join(names)})", "rename one of them")
    for recipe in (task.recipe for task in task_data):
        if tasks.get(recipe.task).PER_TOKEN:
            raise InputError(
                f"{recipe.name}: multitask distillation does not support {recipe.task}", "distil it on its own"
            )
        if recipe.augmentation is not None:
            raise InputError(
                f"{recipe.name}: multitask distillation does not support augmentation",
                "remove [augmentation] from its recipe",
            )


def _are_finished(folders: Sequence[Path], key: str) -> bool:
    return all(is_finished(folder / STUDENT_MANIFEST, Student, key) for folder in folders)


def _with_shared_student(task_recipe: Recipe, recipe: MultitaskRecipe) -> Recipe:
    """Return a task's recipe with the shared student and stages."""
    update = {"student": recipe.student, "stages": recipe.stages, "seed": recipe.seed, "soup": None, "expected": None}
    return task_recipe.model_copy(update=update)


def _teachers(task_data: Sequence[TaskData], out: Path) -> list[TaskTeacher]:
    teachers: list[TaskTeacher] = []
    first = 0
    for task in task_data:
        recipe = task.recipe
        folder, *more = [teacher.build(recipe, model, task.splits, out / recipe.name) for model in _models(task)]
        outputs = outputs_of(recipe)
        head = Head(first=first, outputs=outputs, is_score=tasks.get(recipe.task).IS_SCORE)
        parents = Parents(teacher=folder, more=tuple(more), general=None)
        teachers.append(TaskTeacher(task=task, parents=parents, head=head))
        first += outputs
    return teachers


def _models(task: TaskData) -> tuple[Encoder, ...]:
    return (task.encoder, *map(locate, task.recipe.teacher.also))


def _key(recipe: MultitaskRecipe, encoder: Encoder, recipes: Sequence[Recipe], teachers: Sequence[TaskTeacher]) -> str:
    return sha256_of_value(
        {
            "method": REVISION,
            "encoder": encoder.sha256,
            "parents": [each.parents.identities() for each in teachers],
            "fusion": [each.task.recipe.teacher.model_dump(include={"fusion", "weights"}) for each in teachers],
            "lengths": [task_recipe.max_length_tokens for task_recipe in recipes],
            "calibration_sentences": [task_recipe.calibration_sentences for task_recipe in recipes],
            "student": student_key(recipe.student),
            "stages": [stage_key(stage) for stage in recipe.stages],
            "seed": recipes[0].student_seed,
        }
    )


def _make(
    recipes: Sequence[Recipe], encoder: Encoder, teachers: Sequence[TaskTeacher], folders: Sequence[Path], key: str
) -> None:
    work = checkpoints.work_folder(folders[0])
    start, training_set, tokenizer = _prepare(recipes, encoder, teachers, work)
    stages.train(start, recipes[0].stages, training_set)
    if not processes.is_main():
        return
    names = ", ".join(recipe.name for recipe in recipes)
    shape = f"{start.shape}; one encoder for {names}"
    for recipe, task_teacher, folder in zip(recipes, teachers, folders, strict=True):
        student = _task_student(replace(start, shape=shape), recipe, task_teacher, tokenizer)
        write_student(student, recipe, _identities(teachers, task_teacher), folder, key)
    checkpoints.remove(work)


def _identities(teachers: Sequence[TaskTeacher], task_teacher: TaskTeacher) -> dict[str, str]:
    """Return the identities of the task's teachers, and of the other tasks' teachers by task."""
    others = {
        f"{role}-of-{other.task.recipe.name}": value
        for other in teachers
        if other is not task_teacher
        for role, value in other.parents.identities().items()
    }
    return task_teacher.parents.identities() | others


def _prepare(
    recipes: Sequence[Recipe], encoder: Encoder, teachers: Sequence[TaskTeacher], work: Path
) -> tuple[Start, TrainingSet, PreTrainedTokenizerFast]:
    """Return the student before training, with the outputs of all tasks, its training set and its tokenizer."""
    outputs = sum(each.head.outputs for each in teachers)
    source = load_encoder(encoder, recipes)
    encoder_tokenizer = load_tokenizer(encoder.folder)

    def tokenise_all(tokenizer: PreTrainedTokenizerFast) -> Tokens:
        return token_rows.joined(
            [
                tokenise(tokenizer, each.task.splits.train, recipe.max_length_tokens)
                for recipe, each in zip(recipes, teachers, strict=True)
            ]
        )

    start = initialise(source, recipes[0])
    longest = max(recipes, key=lambda recipe: recipe.max_length_tokens)
    compressed = compress(start.model, longest, encoder_tokenizer, tokenise_all)
    tokens = tokenise_all(compressed.tokenizer)
    sizes = [len(each.task.splits.train) for each in teachers]
    # Never read: the teachers' logits are given below, and the stages use nothing else of a teacher.
    unused = TeacherCache(folder=work / "cache", model=lambda: source, tokens=tokens, bf16=False)
    training_set = TrainingSet(
        teacher=source,
        logit_cache=unused,
        state_cache=unused,
        teacher_logits_NC=_all_logits(teachers, outputs),
        tokens=tokens,
        teacher_ids_V=compressed.teacher_ids_V,
        labels=ragged.single(np.concatenate([each.task.splits.train.labels_N.astype(np.float32) for each in teachers])),
        heads=tuple(each.head for each in teachers),
        heads_N=np.repeat(np.arange(len(teachers)), sizes),
        seed=recipes[0].student_seed,
        work=work,
    )
    return replace(start, model=compressed.model), training_set, compressed.tokenizer


def _all_logits(teachers: Sequence[TaskTeacher], outputs: int) -> NDArray[np.float32]:
    """Return the teachers' logits for their task's training rows, shape (N, outputs); 0 for other tasks' outputs."""
    parts = []
    for each in teachers:
        logits_NC = fused_logits(each.task.recipe, each.parents.teachers, each.task.splits.train)
        part_NC = np.zeros((len(logits_NC), outputs), dtype=np.float32)
        part_NC[:, each.head.first : each.head.first + each.head.outputs] = logits_NC
        parts.append(part_NC)
    return np.concatenate(parts)


def _task_student(
    start: Start, recipe: Recipe, task_teacher: TaskTeacher, tokenizer: PreTrainedTokenizerFast
) -> TrainedStudent:
    """Return the student of one task: the shared encoder with the outputs of that task only."""
    splits = task_teacher.task.splits
    model = with_outputs_of(start.model, recipe, task_teacher.head)
    teacher_model = teacher.load_for(recipe, task_teacher.parents.teacher)
    tokens = tokenise_by(tokenizer, splits, recipe.max_length_tokens)
    teacher_tokenizer = load_tokenizer(task_teacher.parents.teacher)
    teacher_tokens = tokenise(teacher_tokenizer, splits.validation, recipe.max_length_tokens)
    return TrainedStudent(
        model=model,
        shape=start.shape,
        tokenizer=tokenizer,
        calibration=choose_calibration(
            tokens.train,
            splits.train.labels_N,
            tokens.validation,
            special_ids=special_ids(tokenizer),
            sentences=recipe.calibration_sentences,
            seed=recipe.student_seed,
        ),
        evaluation=Evaluation(
            tokens=tokens.validation,
            labels=ragged.single(splits.validation.labels_N),
            teacher=predict(teacher_model, teacher_tokens, f"The teacher's answers, {recipe.name}"),
            student=predict(model, tokens.validation, f"The student's answers, {recipe.name}"),
            in_training_N=in_training(splits),
        ),
    )

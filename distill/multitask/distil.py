"""Distil the teachers of several tasks to one encoder (Clark et al., BAM, arXiv 1907.04829, section 3)."""

import copy
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from transformers import PreTrainedModel, PreTrainedTokenizerFast

from contract import ragged
from contract import tokens as token_rows
from contract.digest import sha256_of_value
from contract.errors import InputError
from contract.folder import is_finished
from contract.tokens import Tokens
from distill import tasks, teacher
from distill.cache_keys import stage_key, student_key
from distill.data.calibration import calibration, special_ids
from distill.data.dataset import Splits
from distill.data.tokenise import load_tokenizer, tokenise
from distill.fusion import fused_logits
from distill.model.predict import predict
from distill.model.source import Encoder, locate
from distill.multitask.recipe import MultitaskRecipe
from distill.parents import Parents
from distill.plan.sketch import sketch
from distill.recipe import Recipe
from distill.student.compress import compress
from distill.student.folder import TrainedStudent, update_metric, write_student
from distill.student.initialise import Start, initialise
from distill.training import checkpoints, processes, stages
from distill.training.cache import TeacherCache
from distill.training.heads import Head
from distill.training.stages import TrainingSet
from infer.folders.student import STUDENT_MANIFEST, Evaluation, Student

REVISION = 1  # bump when the same recipe would give another student


@dataclass(frozen=True, kw_only=True, slots=True)
class TaskData:
    """One of the tasks: its recipe, its teacher's model, and its data."""

    recipe: Recipe
    encoder: Encoder
    splits: Splits


@dataclass(frozen=True, kw_only=True, slots=True)
class TaskTeacher:
    """A task with its teachers, and its outputs of the student."""

    data: TaskData
    parents: Parents
    head: Head


def distil(recipe: MultitaskRecipe, data: Sequence[TaskData], out: Path) -> tuple[Path, ...]:
    """Make the teachers and the shared student, or find them finished.

    Each task gets a student folder of its own, which is converted and measured like any other: the encoders in them
    are the same, the heads are not.

    Args:
        recipe: of the student.
        data: of each task.
        out: each task's folder, by its recipe's name, lies in it, with `teacher-…` and `student-…`.

    Returns:
        The student folder of each task.

    Raises:
        InputError: two tasks of one name, or one with an augmentation; a teacher is refused, or the student cannot be
            made of the model.
    """
    _check(data)
    own = [_shared(one.recipe, recipe) for one in data]
    encoder = locate(recipe.model) if recipe.model else data[0].encoder
    for one, of_task in zip(own, data, strict=True):
        sketch(one, encoder, of_task.splits.train)  # what cannot be made is refused before teachers are fine-tuned
    taught = _taught(data, out)
    key = _key(recipe, encoder, own, taught)
    folders = tuple(out / one.name / f"student-{key[:8]}" for one in own)
    if not processes.broadcast_from_main(lambda: _are_finished(folders, key)):
        _make(own, encoder, taught, folders, key)
        processes.wait()
    elif processes.is_main():
        for one, folder in zip(own, folders, strict=True):
            update_metric(one, folder)
    return folders


def _check(data: Sequence[TaskData]) -> None:
    names = [one.recipe.name for one in data]
    if len(set(names)) < len(names):
        raise InputError(f"two of the recipes have one name ({', '.join(names)})", "rename one")
    for one in data:
        if tasks.get(one.recipe.task).IS_OF_TOKENS:
            raise InputError(
                f"{one.recipe.name}: answers for each token, and several tasks share a student that answers for a text",
                "distil it by itself",
            )
        if one.recipe.augmentation is not None:
            raise InputError(
                f"{one.recipe.name}: its augmentation is for a student of its own, not of several tasks",
                "leave out its section [augmentation]",
            )


def _are_finished(folders: Sequence[Path], key: str) -> bool:
    return all(is_finished(folder / STUDENT_MANIFEST, Student, key) for folder in folders)


def _shared(task: Recipe, recipe: MultitaskRecipe) -> Recipe:
    """Return a task's recipe with the student and the stages that it shares."""
    update = {"student": recipe.student, "stages": recipe.stages, "seed": recipe.seed, "soup": None, "expected": None}
    return task.model_copy(update=update)


def _taught(data: Sequence[TaskData], out: Path) -> list[TaskTeacher]:
    taught: list[TaskTeacher] = []
    first = 0
    for one in data:
        models = (one.encoder, *map(locate, one.recipe.teacher.also))
        folder, *more = [teacher.build(one.recipe, model, one.splits, out / one.recipe.name) for model in models]
        outputs = max(1, len(one.recipe.data.label_names))
        head = Head(first=first, outputs=outputs, is_score=tasks.get(one.recipe.task).IS_SCORE)
        taught.append(TaskTeacher(data=one, parents=Parents(teacher=folder, more=tuple(more), general=None), head=head))
        first += outputs
    return taught


def _key(recipe: MultitaskRecipe, encoder: Encoder, own: Sequence[Recipe], taught: Sequence[TaskTeacher]) -> str:
    return sha256_of_value(
        {
            "method": REVISION,
            "encoder": encoder.sha256,
            "parents": [one.parents.identities() for one in taught],
            "fusion": [one.data.recipe.teacher.model_dump(include={"fusion", "weights"}) for one in taught],
            "lengths": [one.max_length_tokens for one in own],
            "calibration_sentences": [one.calibration_sentences for one in own],
            "student": student_key(recipe.student),
            "stages": [stage_key(stage) for stage in recipe.stages],
            "seed": own[0].student_seed,
        }
    )


def _make(
    own: Sequence[Recipe], encoder: Encoder, taught: Sequence[TaskTeacher], folders: Sequence[Path], key: str
) -> None:
    work = checkpoints.work_folder(folders[0])
    start, lesson, tokenizer = _prepare(own, encoder, taught, work)
    stages.train(start, own[0].stages, lesson)
    if not processes.is_main():
        return
    names = ", ".join(one.name for one in own)
    shape = f"{start.shape}; one encoder for {names}"
    for recipe, one, folder in zip(own, taught, folders, strict=True):
        made = _of_task(replace(start, shape=shape), recipe, one, tokenizer)
        write_student(made, recipe, _identities(taught, one), folder, key)
    checkpoints.remove(work)


def _identities(taught: Sequence[TaskTeacher], own: TaskTeacher) -> dict[str, str]:
    """Return the identity of the task's own teachers, and of those of the other tasks by task."""
    others = {
        f"{role}-of-{one.data.recipe.name}": value
        for one in taught
        if one is not own
        for role, value in one.parents.identities().items()
    }
    return own.parents.identities() | others


def _prepare(
    own: Sequence[Recipe], encoder: Encoder, taught: Sequence[TaskTeacher], work: Path
) -> tuple[Start, TrainingSet, PreTrainedTokenizerFast]:
    """Return the student before it learns, with the outputs of all tasks, and what it is to learn."""
    outputs = sum(one.head.outputs for one in taught)
    # Its own head, if it has one, is of one task.
    source = teacher.load(encoder.folder, own[0].task, {"num_labels": outputs, "ignore_mismatched_sizes": True})
    theirs = load_tokenizer(encoder.folder)

    def tokenised(tokenizer: PreTrainedTokenizerFast) -> Tokens:
        splits = zip(own, taught, strict=True)
        return token_rows.joined(
            [tokenise(tokenizer, one.data.splits.train, recipe.max_length_tokens) for recipe, one in splits]
        )

    start = initialise(source, own[0])
    compressed = compress(start.model, max(own, key=lambda one: one.max_length_tokens), theirs, tokenised)
    tokens = tokenised(compressed.tokenizer)
    sizes = [len(one.data.splits.train) for one in taught]
    # Nothing is read of it: the logits are known, and the stages compare nothing else.
    unused = TeacherCache(folder=work / "cache", model=lambda: source, tokens=tokens, bf16=False)
    lesson = TrainingSet(
        teacher=source,
        logit_cache=unused,
        state_cache=unused,
        teacher_logits_NC=_all_logits(taught, outputs),
        tokens=tokens,
        teacher_ids_V=compressed.teacher_ids_V,
        labels=ragged.single(np.concatenate([one.data.splits.train.labels_N.astype(np.float32) for one in taught])),
        heads=tuple(one.head for one in taught),
        heads_N=np.repeat(np.arange(len(taught)), sizes),
        seed=own[0].student_seed,
        work=work,
    )
    return replace(start, model=compressed.model), lesson, compressed.tokenizer


def _all_logits(taught: Sequence[TaskTeacher], outputs: int) -> NDArray[np.float32]:
    """Return what each task's teachers say of its own sentences, shape (N, outputs); 0 for the outputs of others."""
    parts = []
    for one in taught:
        said_NC = fused_logits(one.data.recipe, one.parents.teachers, one.data.splits.train)
        part_NC = np.zeros((len(said_NC), outputs), dtype=np.float32)
        part_NC[:, one.head.first : one.head.first + one.head.outputs] = said_NC
        parts.append(part_NC)
    return np.concatenate(parts)


def _of_task(start: Start, recipe: Recipe, taught: TaskTeacher, tokenizer: PreTrainedTokenizerFast) -> TrainedStudent:
    """Return one task's student: the shared encoder, and the outputs of the task alone."""
    splits = taught.data.splits
    model = _with_outputs(start.model, recipe, taught.head)
    theirs = teacher.load_for(recipe, taught.parents.teacher)
    own = teacher.tokenise_by(tokenizer, splits, recipe.max_length_tokens)
    read = tokenise(load_tokenizer(taught.parents.teacher), splits.validation, recipe.max_length_tokens)
    return TrainedStudent(
        model=model,
        shape=start.shape,
        tokenizer=tokenizer,
        calibration=calibration(
            own.train,
            splits.train.labels_N,
            own.validation,
            special_ids=special_ids(tokenizer),
            sentences=recipe.calibration_sentences,
            seed=recipe.student_seed,
        ),
        evaluation=Evaluation(
            tokens=own.validation,
            labels=ragged.single(splits.validation.labels_N),
            teacher=predict(theirs, read, f"The teacher's answers, {recipe.name}"),
            student=predict(model, own.validation, f"The student's answers, {recipe.name}"),
        ),
    )


def _with_outputs(model: PreTrainedModel, recipe: Recipe, head: Head) -> PreTrainedModel:
    """Return a copy of a model with the outputs of one head."""
    config = copy.deepcopy(model.config)
    task = tasks.get(recipe.task)
    config.update(task.head(recipe.data.label_names))
    own: PreTrainedModel = task.model_class().from_config(config)
    whole = model.state_dict()
    # Only the last layer has another shape: a row for each output.
    rows = slice(head.first, head.first + head.outputs)
    own.load_state_dict(
        {
            name: whole[name] if whole[name].shape == value.shape else whole[name][rows]
            for name, value in own.state_dict().items()
        }
    )
    own.eval()
    return own

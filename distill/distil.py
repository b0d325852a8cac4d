"""The distillation stage: a recipe and data in, a teacher folder and a student folder out."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from transformers import PreTrainedModel, PreTrainedTokenizerFast

from contract.digest import sha256_of_value
from contract.folder import identity, is_finished
from contract.progress import note
from contract.tokens import Tokens
from distill import general, soup, tasks, teacher
from distill.augment.augment import augment
from distill.augment.locate import locate_sources
from distill.cache_keys import stage_key, student_key
from distill.data.calibration import calibration_groups, choose_calibration, special_ids
from distill.data.hold_out import hold_out_for_soup
from distill.data.overlap import in_training
from distill.data.overview import overview
from distill.data.rows import Rows, Splits
from distill.data.tokenise import Tokenised, tokenise, tokenise_by, tokenise_splits
from distill.dry_run.meta_models import build_meta_models
from distill.fusion import fused_logits
from distill.model.predict import predict
from distill.model.source import Encoder, locate
from distill.parents import Parents
from distill.recipe import Recipe, expected
from distill.student.compress import compress
from distill.student.doubts import find_doubts
from distill.student.folder import TrainedStudent, update_metric, write_student
from distill.student.initialise import Start, StartData, initialise
from distill.tasks.protocol import RelabellingTask, TrainingTask
from distill.training import checkpoints, processes, stages
from distill.training.cache import TeacherCache, teacher_cache
from distill.training.heads import Head
from distill.training.layer_losses import check_shapes
from distill.training.stages import TrainingSet
from infer.folders.student import (
    STUDENT_MANIFEST,
    TEACHER_MANIFEST,
    Evaluation,
    Student,
    read_evaluation,
    read_teacher,
)
from infer.outputs import of_logits
from infer.tasks import constant, evaluate
from infer.tasks import get as get_task

REVISION = 4  # bump when the same recipe would give another student


def distil(recipe: Recipe, encoder: Encoder, splits: Splits, out: Path) -> tuple[Path, Path]:
    """Build the teacher and the student of a recipe, unless they are finished.

    Args:
        recipe: recipe of the distillation.
        encoder: the teacher's model.
        splits: the task's data.
        out: parent folder of `teacher-…` and `student-…`.

    Returns:
        The teacher folder and the student folder.

    Raises:
        InputError: the teacher is refused, or the student cannot learn from it as the recipe says.
    """
    # Refuse an impossible student before a teacher is fine-tuned for it.
    models = build_meta_models(recipe, encoder, splits.train)
    others = [locate(name) for name in recipe.teacher.also]
    for model in (encoder, *others):
        teacher.check_unless_built(recipe, model, splits, out)
    data = overview(recipe, splits, models.tokenizer, (encoder, *others))
    for line in data.lines:
        note(line)
    if recipe.start == "general":
        general.read_corpus(recipe, encoder, out)  # refuses a short corpus before that, too
    student_splits, held_out = hold_out_for_soup(recipe, splits)
    new = processes.main_process_first(lambda: _new_rows(recipe, encoder, student_splits, out))
    teacher_folder, *more = [teacher.build(recipe, model, splits, out) for model in (encoder, *others)]
    score = read_teacher(teacher_folder).validation_scores[recipe.main_metric]
    if doubt := constant.describe_no_better(
        f"teacher {encoder.name}", recipe.task, recipe.main_metric, score, data.constant
    ):
        note(f"warning: {doubt}")
    parents = Parents(
        teacher=teacher_folder,
        more=tuple(more),
        general=general.build(recipe, encoder, out) if recipe.start == "general" else None,
    )
    key = _key(recipe, parents, new)
    folder = out / f"student-{key[:8]}"
    if processes.broadcast_from_main(lambda: is_finished(folder / STUDENT_MANIFEST, Student, key)):
        checkpoints.remove(checkpoints.work_folder(folder))
        processes.main_process_first(lambda: update_metric(recipe, folder))
    else:
        extra = ExtraRows(new=new, held_out=held_out, in_training_N=in_training(splits))
        _build(recipe, student_splits, extra, parents, folder, key)
        processes.wait()
    # Students of earlier versions do not know which sentences are training sentences.
    evaluation = replace(read_evaluation(folder), in_training_N=in_training(splits))
    values = evaluate.values(recipe.settings, evaluation.student, evaluation.labels)
    note(expected.describe_score(recipe.expected, recipe.main_metric, values))
    for line in find_doubts(recipe.settings, evaluation, recipe.main_metric):
        note(f"warning: {line}")
    return teacher_folder, folder


def _new_rows(recipe: Recipe, encoder: Encoder, splits: Splits, out: Path) -> Rows | None:
    """Return the rows from the recipe's augmentation; before the teacher is built, as its masked LM may be missing."""
    if recipe.augmentation is None:
        return None
    masked_lm, neighbours = locate_sources(recipe.augmentation, encoder)
    return augment(
        splits.train,
        recipe.augmentation,
        masked_lm=masked_lm,
        neighbours=neighbours,
        seed=recipe.seed,
        cache=out / "cache",
    )


def _key(recipe: Recipe, parents: Parents, new: Rows | None) -> str:
    return sha256_of_value(
        {
            "method": REVISION,
            "parents": parents.identities(),
            "augmentation": None if new is None else new.key(),
            "fusion": recipe.teacher.model_dump(include={"fusion", "weights"}),
            "student": student_key(recipe.student),
            "stages": [stage_key(stage) for stage in recipe.stages],
            "calibration_sentences": recipe.calibration_sentences,
            "seed": recipe.student_seed,
            **_soup_key(recipe),
        }
    )


def _soup_key(recipe: Recipe) -> dict[str, Any]:
    if recipe.soup is None:
        return {}
    key: dict[str, Any] = {"soup": recipe.soup.model_dump()}
    if recipe.soup.kind == "greedy" and recipe.main_metric != get_task(recipe.task).METRICS[0].name:
        key["metric"] = recipe.main_metric
    return key


@dataclass(frozen=True, kw_only=True, slots=True)
class ExtraRows:
    """Rows in addition to the two splits.

    Attributes:
        new: rows from the augmentation, to train on as well.
        held_out: rows of the training split that are not trained on, to score students by.
        in_training_N: whether each row of the validation split is also in the whole training split.
    """

    new: Rows | None
    held_out: Rows | None
    in_training_N: NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True, slots=True)
class TaskTeacher:
    """The teacher, and both splits in its word pieces."""

    model: PreTrainedModel
    tokens: Tokenised


def _build(recipe: Recipe, splits: Splits, extra: ExtraRows, parents: Parents, folder: Path, key: str) -> None:
    task_teacher = TaskTeacher(
        model=teacher.load_for(recipe, parents.teacher),
        tokens=tokenise_splits(parents.teacher, splits, recipe.max_length_tokens),
    )
    work = checkpoints.work_folder(folder)
    start, training_set, tokens = _prepare(recipe, splits, extra.new, parents, task_teacher, work)
    calibrated = choose_calibration(
        tokens.train,
        calibration_groups(splits.train),
        tokens.validation,
        special_ids=special_ids(tokens.tokenizer),
        sentences=recipe.calibration_sentences,
        seed=recipe.student_seed,
    )
    if recipe.soup is None:
        stages.train(start, recipe.stages, training_set)
    else:
        soup.train(start, recipe, training_set, _score(recipe, extra.held_out, tokens.tokenizer))
    if not processes.is_main():
        return
    task = tasks.get(recipe.task)
    teacher_tokens = _teacher_tokens(task, task_teacher.tokens, tokens, training_set)
    student = TrainedStudent(
        model=start.model,
        shape=start.shape,
        tokenizer=tokens.tokenizer,
        calibration=calibrated,
        evaluation=Evaluation(
            tokens=tokens.validation,
            labels=task.labels(splits.validation, tokens.tokenizer, recipe.max_length_tokens),
            teacher=predict(task_teacher.model, teacher_tokens, "The teacher's answers"),
            student=predict(start.model, tokens.validation, "The student's answers"),
            in_training_N=extra.in_training_N,
        ),
    )
    write_student(student, recipe, parents.identities(), folder, key)
    checkpoints.remove(work)


def _teacher_tokens(
    task: TrainingTask, teacher_tokens: Tokenised, student_tokens: Tokenised, training_set: TrainingSet
) -> Tokens:
    """Return the validation split for the teacher; in the student's tokens, if there is an answer per token."""
    if not task.PER_TOKEN:
        return teacher_tokens.validation
    tokens = student_tokens.validation
    return replace(tokens, ids_T=training_set.teacher_ids_V[tokens.ids_T].astype(np.int32))


def _score(recipe: Recipe, rows: Rows | None, tokenizer: PreTrainedTokenizerFast) -> soup.Score | None:
    """Return a function that scores a student on held-out rows."""
    if rows is None:
        return None
    tokens = tokenise(tokenizer, rows, recipe.max_length_tokens)
    labels = tasks.get(recipe.task).labels(rows, tokenizer, recipe.max_length_tokens)
    return lambda model: evaluate.value(
        recipe.settings, recipe.main_metric, predict(model, tokens, "Held-out rows"), labels
    )


def _prepare(
    recipe: Recipe, splits: Splits, new: Rows | None, parents: Parents, task_teacher: TaskTeacher, work: Path
) -> tuple[Start, TrainingSet, Tokenised]:
    """Return the untrained student, its training set, and both splits in its word pieces."""
    model, teacher_splits, task = task_teacher.model, task_teacher.tokens, tasks.get(recipe.task)
    data = StartData(general=parents.general, tokens=teacher_splits.train, labels_N=calibration_groups(splits.train))
    start = initialise(model, recipe, data)
    rows, logits_NC = _all_rows(recipe, parents, splits.train, new)
    teacher_tokenizer = teacher_splits.tokenizer
    teacher_tokens = (
        teacher_splits.train if new is None else tokenise(teacher_tokenizer, rows, recipe.max_length_tokens)
    )

    def tokenised(tokenizer: PreTrainedTokenizerFast) -> Tokens:
        same = tokenizer is teacher_tokenizer
        return teacher_tokens if same else tokenise(tokenizer, rows, recipe.max_length_tokens)

    compressed = compress(start.model, recipe, teacher_tokenizer, tokenised)
    start = replace(start, model=compressed.model)
    for stage in recipe.stages:
        check_shapes(start, model, stage)
    tokens = tokenised(compressed.tokenizer)
    # The student's tokens with the teacher's ids, so that the states of both are of the same tokens.
    aligned_tokens = replace(tokens, ids_T=compressed.teacher_ids_V[tokens.ids_T].astype(np.int32))
    teacher_identity = identity(parents.teacher / TEACHER_MANIFEST)

    def cached(read_tokens: Tokens) -> TeacherCache:
        out = parents.teacher.parent
        return teacher_cache(out, teacher_identity, lambda: model, read_tokens, of_tokens=task.PER_TOKEN)

    training_set = TrainingSet(
        teacher=model,
        logit_cache=cached(aligned_tokens if task.PER_TOKEN else teacher_tokens),
        state_cache=cached(aligned_tokens),
        teacher_logits_NC=logits_NC,
        tokens=tokens,
        teacher_ids_V=compressed.teacher_ids_V,
        labels=task.labels(rows, compressed.tokenizer, recipe.max_length_tokens),
        heads=(Head(first=0, outputs=int(model.config.num_labels or 0), is_score=task.IS_SCORE),),
        seed=recipe.student_seed,
        work=work,
    )
    if compressed.tokenizer is teacher_tokenizer:
        return start, training_set, teacher_splits
    return start, training_set, tokenise_by(compressed.tokenizer, splits, recipe.max_length_tokens)


def _all_rows(
    recipe: Recipe, parents: Parents, train: Rows, new: Rows | None
) -> tuple[Rows, NDArray[np.float32] | None]:
    """Return all rows to train on, new ones relabelled, and their logits unless they are a single teacher's."""
    if new is None:
        return train, fused_logits(recipe, parents.teachers, train) if parents.more else None
    new_logits_NC = fused_logits(recipe, parents.teachers, new)
    logits_NC = np.concatenate([fused_logits(recipe, parents.teachers, train), new_logits_NC])
    task = tasks.get(recipe.task)
    assert isinstance(task, RelabellingTask), "the recipe checks it"
    return train.joined(task.relabel(new, of_logits(new_logits_NC))), logits_NC

"""The distillation stage: a recipe and data in, a teacher folder and a student folder out."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from transformers import PreTrainedModel, PreTrainedTokenizerFast

from contract.digest import sha256_of_value
from contract.folder import is_finished
from contract.progress import note
from contract.tokens import Tokens
from distill import general, soup, tasks, teacher
from distill.augment.augment import augment
from distill.augment.locate import locate_sources
from distill.data.calibration import calibration_groups, choose_calibration, special_ids
from distill.data.dataset import Splits
from distill.data.hold_out import hold_out_for_soup
from distill.data.rows import Rows
from distill.data.tokenise import tokenise
from distill.dry_run.meta_models import build_meta_models
from distill.keys import stage_key, student_key
from distill.model.encoder import Encoder, locate
from distill.model.predict import predict
from distill.parents import Parents, cache, logits
from distill.recipe import Recipe, expected
from distill.student.initialise import Start, StartData, initialise
from distill.student.reduce import reduce
from distill.tasks.protocol import RelabellingTask, TrainingTask
from distill.teacher import Tokenised
from distill.training import processes, stages, training
from distill.training.compare import check_shapes
from distill.training.heads import Head
from distill.training.stages import TrainingSet
from distill.write import TrainedStudent, update_metric, write_student
from infer.folders.student import STUDENT_MANIFEST, Evaluation, Student, read_evaluation
from infer.outputs import of_logits
from infer.tasks import get as get_task
from infer.tasks import judge

REVISION = 4  # bump when the same recipe would give another student


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
    # Refuse an impossible student before a teacher is fine-tuned for it.
    build_meta_models(recipe, encoder, splits.train)
    others = [locate(name) for name in recipe.teacher.also]
    if recipe.start == "general":
        general.read(recipe, encoder, out)  # a corpus that is too short is refused before, too
    own, held_out = hold_out_for_soup(recipe, splits)
    new = processes.main_process_first(lambda: _new_rows(recipe, encoder, own, out))
    teacher_folder, *more = [teacher.make(recipe, one, splits, out) for one in (encoder, *others)]
    parents = Parents(
        teacher=teacher_folder,
        more=tuple(more),
        general=general.make(recipe, encoder, out) if recipe.start == "general" else None,
    )
    key = _key(recipe, parents, new)
    folder = out / f"student-{key[:8]}"
    if processes.broadcast_from_main(lambda: is_finished(folder / STUDENT_MANIFEST, Student, key)):
        training.forget(training.work_folder(folder))
        processes.main_process_first(lambda: update_metric(recipe, folder))
    else:
        _make(recipe, own, ExtraRows(new=new, held_out=held_out), parents, folder, key)
        processes.wait()
    evaluation = read_evaluation(folder)
    values = judge.values(recipe.settings, evaluation.student, evaluation.labels)
    note(expected.describe_score(recipe.expected, recipe.main_metric, values))
    return teacher_folder, folder


def _new_rows(recipe: Recipe, encoder: Encoder, splits: Splits, out: Path) -> Rows | None:
    """Return the rows that the recipe's augmentation makes; before the teacher, whose masked LM may be missing."""
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
    found: dict[str, Any] = {"soup": recipe.soup.model_dump()}
    if recipe.soup.kind == "greedy" and recipe.main_metric != get_task(recipe.task).METRICS[0].name:
        found["metric"] = recipe.main_metric
    return found


@dataclass(frozen=True, kw_only=True, slots=True)
class ExtraRows:
    """Rows beside the two splits.

    Attributes:
        new: of the augmentation, also trained on.
        held_out: of the training split, to judge students by.
    """

    new: Rows | None
    held_out: Rows | None


def _make(recipe: Recipe, splits: Splits, beside: ExtraRows, parents: Parents, folder: Path, key: str) -> None:
    model, task = teacher.load_for(recipe, parents.teacher), tasks.get(recipe.task)
    theirs = teacher.tokenise_splits(parents.teacher, splits, recipe.max_length_tokens)
    work = training.work_folder(folder)
    start, lesson, own = _prepare(recipe, splits, beside.new, parents, TaskTeacher(model=model, tokens=theirs), work)
    calibrated = choose_calibration(
        own.train,
        calibration_groups(splits.train),
        own.validation,
        special_ids=special_ids(own.tokenizer),
        sentences=recipe.calibration_sentences,
        seed=recipe.student_seed,
    )
    if recipe.soup is None:
        stages.train(start, recipe.stages, lesson)
    else:
        soup.train(start, recipe, lesson, _score(recipe, beside.held_out, own.tokenizer))
    if not processes.is_main():
        return
    made = TrainedStudent(
        model=start.model,
        shape=start.shape,
        tokenizer=own.tokenizer,
        calibration=calibrated,
        evaluation=Evaluation(
            tokens=own.validation,
            labels=task.labels(splits.validation, own.tokenizer, recipe.max_length_tokens),
            teacher=predict(model, _as_read(task, theirs, own, lesson), "The teacher's answers"),
            student=predict(start.model, own.validation, "The student's answers"),
        ),
    )
    write_student(made, recipe, parents.identities(), folder, key)
    training.forget(work)


def _as_read(task: TrainingTask, theirs: Tokenised, own: Tokenised, lesson: TrainingSet) -> Tokens:
    """Return the validation split as the teacher reads it; for answers to each token, in the student's tokens."""
    if not task.PER_TOKEN:
        return theirs.validation
    return replace(own.validation, ids_T=lesson.teacher_ids_V[own.validation.ids_T].astype(np.int32))


def _score(recipe: Recipe, rows: Rows | None, tokenizer: PreTrainedTokenizerFast) -> soup.Score | None:
    """Return what gives a student's score on held-out rows."""
    if rows is None:
        return None
    tokens = tokenise(tokenizer, rows, recipe.max_length_tokens)
    labels = tasks.get(recipe.task).labels(rows, tokenizer, recipe.max_length_tokens)
    return lambda model: judge.value(
        recipe.settings, recipe.main_metric, predict(model, tokens, "Held-out rows"), labels
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class TaskTeacher:
    """The teacher, and both splits in its word pieces."""

    model: PreTrainedModel
    tokens: Tokenised


def _prepare(
    recipe: Recipe, splits: Splits, new: Rows | None, parents: Parents, taught: TaskTeacher, work: Path
) -> tuple[Start, TrainingSet, Tokenised]:
    """Return the student before it learns, what it is to learn, and both splits in its own word pieces."""
    model, theirs, task = taught.model, taught.tokens, tasks.get(recipe.task)
    ingredients = StartData(general=parents.general, tokens=theirs.train, labels_N=calibration_groups(splits.train))
    start = initialise(model, recipe, ingredients)
    rows, logits_NC = _all_rows(recipe, parents, splits.train, new)
    teacher_tokens = theirs.train if new is None else tokenise(theirs.tokenizer, rows, recipe.max_length_tokens)

    def tokenised(tokenizer: PreTrainedTokenizerFast) -> Tokens:
        is_theirs = tokenizer is theirs.tokenizer
        return teacher_tokens if is_theirs else tokenise(tokenizer, rows, recipe.max_length_tokens)

    reduced = reduce(start.model, recipe, theirs.tokenizer, tokenised)
    start = replace(start, model=reduced.model)
    for stage in recipe.stages:
        check_shapes(start, model, stage)
    tokens = tokenised(reduced.tokenizer)
    # What the teacher reads when it is to show its inside token by token.
    read_tokens = replace(tokens, ids_T=reduced.teacher_ids_V[tokens.ids_T].astype(np.int32))
    lesson = TrainingSet(
        teacher=model,
        logit_cache=cache(
            parents.teacher,
            lambda: model,
            read_tokens if task.PER_TOKEN else teacher_tokens,
            of_tokens=task.PER_TOKEN,
        ),
        state_cache=cache(parents.teacher, lambda: model, read_tokens, of_tokens=task.PER_TOKEN),
        teacher_logits_NC=logits_NC,
        tokens=tokens,
        teacher_ids_V=reduced.teacher_ids_V,
        labels=task.labels(rows, reduced.tokenizer, recipe.max_length_tokens),
        heads=(Head(first=0, outputs=int(model.config.num_labels or 0), is_score=task.IS_SCORE),),
        seed=recipe.student_seed,
        work=work,
    )
    if reduced.tokenizer is theirs.tokenizer:
        return start, lesson, theirs
    return start, lesson, teacher.tokenise_by(reduced.tokenizer, splits, recipe.max_length_tokens)


def _all_rows(
    recipe: Recipe, parents: Parents, train: Rows, new: Rows | None
) -> tuple[Rows, NDArray[np.float32] | None]:
    """Return all rows to train on, new ones relabelled, and their logits where these are not one teacher's own."""
    if new is None:
        return train, logits(recipe, parents, train) if parents.more else None
    new_logits_NC = logits(recipe, parents, new)
    logits_NC = np.concatenate([logits(recipe, parents, train), new_logits_NC])
    task = tasks.get(recipe.task)
    assert isinstance(task, RelabellingTask), "the recipe checks it"
    return train.joined(task.relabel(new, of_logits(new_logits_NC))), logits_NC

"""Smoke test of a recipe on a few rows: a student that cannot memorise them will not learn the task."""

from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray
from transformers import PreTrainedModel, PreTrainedTokenizerFast

from contract.errors import WorkerError
from contract.progress import note
from contract.tokens import Tokens
from distill import tasks, teacher
from distill.data.calibration import calibration_groups
from distill.data.rows import Rows, Splits
from distill.data.tokenise import load_tokenizer, tokenise
from distill.model.predict import predict
from distill.model.source import Encoder
from distill.recipe import Recipe
from distill.recipe.training import Training
from distill.student.compress import compress
from distill.student.initialise import StartData, initialise
from distill.training import stages
from distill.training.cache import TeacherCache
from distill.training.heads import Head
from distill.training.layer_losses import check_shapes
from distill.training.precision import bf16_choice
from distill.training.stages import TrainingSet
from infer.folders.student import read_teacher
from infer.outputs import Outputs
from infer.tasks import evaluate, metric

ROWS = 32
PASSING_SCORE = 0.95
BATCH_SIZE = 8
EPOCHS = (16, 80)  # usually sufficient, and the limit
# Rows in which to look for those that a ready teacher answers correctly.
CANDIDATES = 8 * ROWS


@dataclass(frozen=True, kw_only=True, slots=True)
class SmokeResult:
    """Scores of teacher and student on the rows, by the recipe's metric.

    Attributes:
        rows: number of rows.
        epochs: epochs that each stage of the student took.
        teacher, student: the scores.
    """

    rows: int
    epochs: int
    teacher: float
    student: float


def smoke(recipe: Recipe, encoder: Encoder, splits: Splits) -> SmokeResult:
    """Train teacher and student on a few rows until they have memorised them, in a temporary folder.

    Each stage gets as many epochs as it needs, in small batches. A student with a general start is started at random.

    Args:
        recipe: recipe of the distillation.
        encoder: the teacher's model.
        splits: the task's data; only rows of the training split are used.

    Raises:
        InputError: the teacher or the recipe is refused.
        WorkerError: teacher or student scores below 0.95 by the recipe's metric.
    """
    teacher.check(recipe, encoder, splits)
    rows = _rows(recipe, encoder, splits.train)
    tokenizer = load_tokenizer(encoder.folder)
    with TemporaryDirectory(prefix="tinybert-smoke-") as name:
        folder = Path(name)
        teacher_folder, teacher_score = _teacher(recipe, encoder, rows, folder)
        model = teacher.load_for(recipe, teacher_folder)
        labels = tasks.get(recipe.task).labels(rows, tokenizer, recipe.max_length_tokens)
        student_score = 0.0
        for epochs in EPOCHS:
            outputs = _student(recipe, model, tokenizer, rows, folder / str(epochs), epochs)
            student_score = evaluate.value(recipe.settings, recipe.main_metric, outputs, labels)
            score = f"{recipe.main_metric} {student_score:.3f} on {len(rows)} rows"
            note(f"student after {epochs} epochs of each stage: {score}")
            if student_score >= PASSING_SCORE:
                return SmokeResult(rows=len(rows), epochs=epochs, teacher=teacher_score, student=student_score)
    raise WorkerError(
        f"the student reaches {recipe.main_metric} {student_score:.3f} on {len(rows)} training rows after {EPOCHS[-1]} "
        f"epochs of each stage, the teacher {teacher_score:.3f}",
        "give a stage the prediction or labels loss, or raise its learning_rate",
    )


def _rows(recipe: Recipe, encoder: Encoder, rows: Rows) -> Rows:
    """Choose rows of each label to learn; with a ready classifier, only rows that it answers as labelled."""
    task = tasks.get(recipe.task)
    candidates = rows.take(_balanced(task.strata(rows), recipe.seed, CANDIDATES))
    config = teacher.read_config(encoder.folder, encoder.name)
    # Single answers are right or wrong only if the metric is a share of right answers.
    if task.is_fine_tuned(config) and metric(recipe.task, evaluate.default_metric(recipe.task)).is_share:
        is_right_N = _is_right(recipe, encoder, candidates)
        strata_N = task.strata(candidates)
        if len(np.unique(strata_N[is_right_N])) < len(np.unique(strata_N)):
            raise WorkerError(
                f"teacher {encoder.name} answers {is_right_N.mean():.1%} of {len(candidates)} training rows as "
                "labelled, and for some label none",
                "check the order of data.label_names, or choose a teacher of this task",
            )
        candidates = candidates.take(np.flatnonzero(is_right_N).tolist())
    return candidates.take(_balanced(task.strata(candidates), recipe.seed, ROWS))


def _is_right(recipe: Recipe, encoder: Encoder, rows: Rows) -> NDArray[np.bool_]:
    """Return for each row whether the teacher answers it as labelled."""
    model, tokenizer = teacher.load_for(recipe, encoder.folder, name=encoder.name), load_tokenizer(encoder.folder)
    outputs = predict(model, tokenise(tokenizer, rows, recipe.max_length_tokens), "The teacher's answers")
    labels = tasks.get(recipe.task).labels(rows, tokenizer, recipe.max_length_tokens)
    right_NK = evaluate.statistics(recipe.settings, outputs, labels)[evaluate.default_metric(recipe.task)]
    is_right_N: NDArray[np.bool_] = right_NK[:, 0] == 1
    return is_right_N


def _balanced(strata_N: NDArray[np.int64], seed: int, count: int) -> list[int]:
    """Choose random rows, of each label in turn while there are rows left."""
    shuffled = np.random.default_rng(seed).permutation(len(strata_N))
    turn_N = np.empty(len(strata_N), dtype=np.int64)
    for label in np.unique(strata_N):
        is_label_N = strata_N[shuffled] == label
        turn_N[is_label_N] = np.arange(is_label_N.sum())
    chosen: list[int] = shuffled[np.argsort(turn_N, kind="stable")[:count]].tolist()
    return chosen


def _teacher(recipe: Recipe, encoder: Encoder, rows: Rows, folder: Path) -> tuple[Path, float]:
    """Build the teacher and return its folder and its score on the rows."""
    score = 0.0
    for epochs in EPOCHS:
        section = recipe.teacher.model_copy(update={**_long_training(recipe.teacher, epochs), "floor": 0.0})
        changed = recipe.model_copy(update={"teacher": section})
        teacher_folder = teacher.build(changed, encoder, Splits(train=rows, validation=rows), folder)
        score = read_teacher(teacher_folder).validation_scores[recipe.main_metric]
        if score >= PASSING_SCORE:
            return teacher_folder, score
    raise WorkerError(
        f"the teacher reaches {recipe.main_metric} {score:.3f} on {len(rows)} training rows after {EPOCHS[-1]} epochs",
        "check whether the labels match their texts, or raise teacher.learning_rate",
    )


def _student(
    recipe: Recipe,
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerFast,
    rows: Rows,
    folder: Path,
    epochs: int,
) -> Outputs:
    """Train a student and return its outputs for the rows."""
    task = tasks.get(recipe.task)

    def tokenised(with_tokenizer: PreTrainedTokenizerFast) -> Tokens:
        return tokenise(with_tokenizer, rows, recipe.max_length_tokens)

    data = StartData(tokens=tokenised(tokenizer), labels_N=calibration_groups(rows))
    start = initialise(model, _without_general(recipe), data)
    compressed = compress(start.model, recipe, tokenizer, tokenised)
    start, tokens = replace(start, model=compressed.model), tokenised(compressed.tokenizer)
    for stage in recipe.stages:
        check_shapes(start, model, stage)
    aligned_tokens = replace(tokens, ids_T=compressed.teacher_ids_V[tokens.ids_T].astype(np.int32))
    cache = TeacherCache(
        folder=folder / "cache",
        model=lambda: model,
        tokens=aligned_tokens,
        bf16=bf16_choice()[0],
        of_tokens=task.PER_TOKEN,
    )
    training_set = TrainingSet(
        teacher=model,
        logit_cache=cache,
        state_cache=cache,
        tokens=tokens,
        teacher_ids_V=compressed.teacher_ids_V,
        labels=task.labels(rows, compressed.tokenizer, recipe.max_length_tokens),
        heads=(Head(first=0, outputs=int(model.config.num_labels or 0), is_score=task.IS_SCORE),),
        seed=recipe.student_seed,
        work=folder,
    )
    long_stages = tuple(stage.model_copy(update=_long_training(stage, epochs)) for stage in recipe.stages)
    stages.train(start, long_stages, training_set)
    return predict(start.model, tokens, "The student's answers")


def _long_training(section: Training, epochs: int) -> dict[str, int]:
    return {"epochs": epochs, "batch_size": min(section.batch_size, BATCH_SIZE)}


def _without_general(recipe: Recipe) -> Recipe:
    if recipe.start != "general":
        return recipe
    return recipe.model_copy(update={"student": recipe.student.model_copy(update={"start": "random"})})

"""Try a recipe on a few rows: a student that cannot learn these by heart will not learn the task."""

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
from distill.data.dataset import Splits
from distill.data.rows import Rows
from distill.data.tokenise import load_tokenizer, tokenise
from distill.model.encoder import Encoder
from distill.model.predict import predict
from distill.recipe import Recipe
from distill.recipe.training import Training
from distill.student.initialise import StartData, initialise
from distill.student.reduce import reduce
from distill.training import stages
from distill.training.cache import TeacherCache
from distill.training.compare import check_shapes
from distill.training.heads import Head
from distill.training.stages import TrainingSet
from distill.training.training import bf16_choice
from infer.folders.student import read_teacher
from infer.outputs import Outputs
from infer.tasks import judge, metric

ROWS = 32
ENOUGH = 0.95
BATCH_SIZE = 8
EPOCHS = (16, 80)  # what mostly does, and what must do
# A ready teacher may be wrong about some rows; so many are looked at for those it is right about.
CANDIDATES = 8 * ROWS


@dataclass(frozen=True, kw_only=True, slots=True)
class Reached:
    """What teacher and student reach on the rows by the recipe's metric, and after how many epochs."""

    rows: int
    epochs: int
    teacher: float
    student: float


def smoke(recipe: Recipe, encoder: Encoder, splits: Splits) -> Reached:
    """Train teacher and student on a few rows until they know them; all of it in a temporary folder.

    Each stage gets as many epochs as it takes, in small batches. A general student is left out: it starts at random.

    Args:
        recipe: the distillation.
        encoder: the teacher's model.
        splits: the task's data; rows of its training split are used.

    Raises:
        InputError: the teacher or the recipe is refused.
        WorkerError: teacher or student reaches less than 0.95 by the recipe's metric.
    """
    rows = _rows(recipe, encoder, splits.train)
    tokenizer = load_tokenizer(encoder.folder)
    with TemporaryDirectory(prefix="tinybert-smoke-") as name:
        folder = Path(name)
        teacher_folder, theirs = _teacher(recipe, encoder, rows, folder)
        model = teacher.load_for(recipe, teacher_folder)
        labels = tasks.get(recipe.task).labels(rows, tokenizer, recipe.max_length_tokens)
        own = 0.0
        for epochs in EPOCHS:
            outputs = _student(recipe, model, tokenizer, rows, folder / str(epochs), epochs)
            own = judge.value(recipe.settings, recipe.main_metric, outputs, labels)
            note(f"student after {epochs} epochs of each stage: {recipe.main_metric} {own:.3f} on {len(rows)} rows")
            if own >= ENOUGH:
                return Reached(rows=len(rows), epochs=epochs, teacher=theirs, student=own)
    raise WorkerError(
        f"the student reaches {recipe.main_metric} {own:.3f} on {len(rows)} training rows after {EPOCHS[-1]} epochs of "
        f"each stage, the teacher {theirs:.3f}",
        "give a stage the prediction or labels loss, or raise its learning_rate",
    )


def _rows(recipe: Recipe, encoder: Encoder, rows: Rows) -> Rows:
    """Choose the rows to learn, of each label; of a ready classifier those that it answers as they are labelled."""
    task = tasks.get(recipe.task)
    candidates = rows.take(_mixed(task.strata(rows), recipe.seed, CANDIDATES))
    config = teacher.read_config(encoder.folder)
    # Of a metric that is no share of right answers no single answer is right or wrong.
    if task.is_fine_tuned(config) and metric(recipe.task, judge.usual(recipe.task)).is_share:
        task.check_head(config, recipe.data.label_names, encoder.name)
        is_right_N = _right(recipe, encoder, candidates)
        strata_N = task.strata(candidates)
        if len(np.unique(strata_N[is_right_N])) < len(np.unique(strata_N)):
            raise WorkerError(
                f"teacher {encoder.name} answers {is_right_N.mean():.1%} of {len(candidates)} training rows as "
                "labelled, and none of some label",
                "look at the order of data.label_names, or choose a teacher of this task",
            )
        candidates = candidates.take(np.flatnonzero(is_right_N).tolist())
    return candidates.take(_mixed(task.strata(candidates), recipe.seed, ROWS))


def _right(recipe: Recipe, encoder: Encoder, rows: Rows) -> NDArray[np.bool_]:
    """Tell of each row whether the teacher answers it as it is labelled."""
    model, tokenizer = teacher.load_for(recipe, encoder.folder), load_tokenizer(encoder.folder)
    outputs = predict(model, tokenise(tokenizer, rows, recipe.max_length_tokens), "The teacher's answers")
    labels = tasks.get(recipe.task).labels(rows, tokenizer, recipe.max_length_tokens)
    right_NK = judge.statistics(recipe.settings, outputs, labels)[judge.usual(recipe.task)]
    is_right_N: NDArray[np.bool_] = right_NK[:, 0] == 1
    return is_right_N


def _mixed(strata_N: NDArray[np.int64], seed: int, count: int) -> list[int]:
    """Choose rows at random, of each label in turn as long as there are any."""
    shuffled = np.random.default_rng(seed).permutation(len(strata_N))
    turn_N = np.empty(len(strata_N), dtype=np.int64)
    for label in np.unique(strata_N):
        is_this_N = strata_N[shuffled] == label
        turn_N[is_this_N] = np.arange(is_this_N.sum())
    chosen: list[int] = shuffled[np.argsort(turn_N, kind="stable")[:count]].tolist()
    return chosen


def _teacher(recipe: Recipe, encoder: Encoder, rows: Rows, folder: Path) -> tuple[Path, float]:
    """Make the teacher and return its folder and what it reaches on the rows."""
    right = 0.0
    for epochs in EPOCHS:
        section = recipe.teacher.model_copy(update={**_enough(recipe.teacher, epochs), "floor": 0.0})
        few = recipe.model_copy(update={"teacher": section})
        made = teacher.make(few, encoder, Splits(train=rows, validation=rows), folder)
        right = read_teacher(made).validation_scores[recipe.main_metric]
        if right >= ENOUGH:
            return made, right
    raise WorkerError(
        f"the teacher reaches {recipe.main_metric} {right:.3f} on {len(rows)} training rows after {EPOCHS[-1]} epochs",
        "look whether the labels fit their texts, or raise teacher.learning_rate",
    )


def _student(
    recipe: Recipe,
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerFast,
    rows: Rows,
    folder: Path,
    epochs: int,
) -> Outputs:
    """Train a student and return its answers to the rows."""
    task = tasks.get(recipe.task)

    def tokenised(by: PreTrainedTokenizerFast) -> Tokens:
        return tokenise(by, rows, recipe.max_length_tokens)

    ingredients = StartData(tokens=tokenised(tokenizer), labels_N=calibration_groups(rows))
    start = initialise(model, _without_general(recipe), ingredients)
    reduced = reduce(start.model, recipe, tokenizer, tokenised)
    start, tokens, ids_V = replace(start, model=reduced.model), tokenised(reduced.tokenizer), reduced.teacher_ids_V
    for stage in recipe.stages:
        check_shapes(start, model, stage)
    read_tokens = replace(tokens, ids_T=ids_V[tokens.ids_T].astype(np.int32))
    cache = TeacherCache(
        folder=folder / "cache",
        model=lambda: model,
        tokens=read_tokens,
        bf16=bf16_choice()[0],
        of_tokens=task.PER_TOKEN,
    )
    lesson = TrainingSet(
        teacher=model,
        logit_cache=cache,
        state_cache=cache,
        tokens=tokens,
        teacher_ids_V=ids_V,
        labels=task.labels(rows, reduced.tokenizer, recipe.max_length_tokens),
        heads=(Head(first=0, outputs=int(model.config.num_labels or 0), is_score=task.IS_SCORE),),
        seed=recipe.student_seed,
        work=folder,
    )
    enough = tuple(stage.model_copy(update=_enough(stage, epochs)) for stage in recipe.stages)
    stages.train(start, enough, lesson)
    return predict(start.model, tokens, "The student's answers")


def _enough(section: Training, epochs: int) -> dict[str, int]:
    return {"epochs": epochs, "batch_size": min(section.batch_size, BATCH_SIZE)}


def _without_general(recipe: Recipe) -> Recipe:
    if recipe.start != "general":
        return recipe
    return recipe.model_copy(update={"student": recipe.student.model_copy(update={"start": "random"})})

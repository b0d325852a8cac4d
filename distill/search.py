"""Search for a recipe's best values, scored on held-out training rows, never on the validation split."""

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import optuna
from optuna.samplers import TPESampler
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy.exc import SQLAlchemyError

from contract.digest import sha256_of_value
from contract.disk import DiskFullError, explain_disk_full
from contract.errors import InputError, WorkerError
from contract.progress import note
from distill import recipe as recipes
from distill import teacher
from distill.data.hold_out import hold_out
from distill.data.rows import Splits
from distill.distil import REVISION, distil
from distill.model.source import Encoder
from distill.recipe import Recipe
from distill.recipe.search import Dimension
from infer.folders.student import read_evaluation
from infer.tasks import evaluate

STORAGE = "search.db"
LEARNING_RATE_FACTORS = (0.3, 3.0)
# Attributes of a trial: why it failed, and whether it is the unchanged recipe.
FAULT = "fault"
UNCHANGED = "own"
WORK = ".student-*.work"
Space = Mapping[str, Dimension]
Parameter = str | int | float


@dataclass(frozen=True, kw_only=True, slots=True)
class SearchResult:
    """The result of a search.

    Attributes:
        score: best score on the held-out rows.
        own_score: score of the unchanged recipe; None if the space excludes it, or it failed.
        changes: best values, in the form that --set takes.
        finished, failed: numbers of trials.
        storage: file of the trials.
    """

    score: float
    own_score: float | None
    changes: tuple[str, ...]
    finished: int
    failed: int
    storage: Path


def search(recipe: Recipe, encoder: Encoder, splits: Splits, out: Path, *, trials: int) -> SearchResult:
    """Distil a student per trial, or continue an earlier search of the same recipe and data.

    Args:
        recipe: recipe whose section [search] names the values; without it, the learning rate of each stage is searched.
        encoder: the teacher's model; the teacher is built once, from the rows that are not held out.
        splits: the task's data; its validation split is not used.
        out: folder to work in, which also holds search.db.
        trials: total number of trials, including those of earlier runs.

    Raises:
        InputError: a key of the space is wrong, no rows can be held out, or the teacher is refused.
        WorkerError: every trial failed.
        DiskFullError: the disk is full; the current trial is run again next time.
    """
    space = recipe.search.space if recipe.search else default_space(recipe)
    _check(space, recipe)
    parted = hold_out(splits.train, recipe.task, recipe.seed)
    teacher.build(recipe, encoder, parted, out)  # before the trials, which its errors must not fail
    study = _study(recipe, encoder, parted, space, out / STORAGE)
    _requeue_interrupted(study)

    def score(changes: tuple[str, ...]) -> float:
        _, student = distil(recipes.with_overrides(recipe, changes), encoder, parted, out)
        evaluation = read_evaluation(student)
        shutil.rmtree(student)
        return evaluate.value(recipe.settings, recipe.main_metric, evaluation.student, evaluation.labels)

    while (number := len(_ended(study))) < trials:
        # Seeded by recipe and number alone, so that a search continues as if it had not been interrupted.
        study.sampler = TPESampler(seed=(recipe.student_seed + number) % 2**32)
        _run_trial(study, space, score, f"trial {number + 1} of {trials}", out)
    return _result(study, space, out / STORAGE)


def default_space(recipe: Recipe) -> dict[str, Dimension]:
    """Return the learning rate of each stage, from 0.3 to 3 times the recipe's."""
    low, high = LEARNING_RATE_FACTORS
    return {
        f"stages.{number}.learning_rate": Dimension(
            low=low * stage.learning_rate, high=high * stage.learning_rate, log=True
        )
        for number, stage in enumerate(recipe.stages)
    }


def _check(space: Space, recipe: Recipe) -> None:
    """Check that the recipe has every key and accepts its first and last value."""
    for key, dimension in space.items():
        ends = (dimension.texts[0], dimension.texts[-1]) if dimension.choices else (dimension.low, dimension.high)
        for value in ends:
            recipes.with_overrides(recipe, (f"{key}={value}",))


def _study(recipe: Recipe, encoder: Encoder, parted: Splits, space: Space, storage: Path) -> optuna.Study:
    """Load or create the study of this recipe, data and space; a new study starts with the unchanged recipe."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    name = sha256_of_value(
        {
            "method": REVISION,
            "recipe": recipe.model_dump(mode="json", exclude={"search"}),
            "space": {key: dimension.model_dump(mode="json") for key, dimension in space.items()},
            "encoder": encoder.sha256,
            "data": [parted.train.key(), parted.validation.key()],
        }
    )
    address = f"sqlite:///{storage.resolve()}"
    try:
        with explain_disk_full(storage.parent):
            study = optuna.create_study(
                storage=address, study_name=name[:16], direction="maximize", load_if_exists=True
            )
    except (SQLAlchemyError, RuntimeError) as error:
        reason = str(error).strip().splitlines()[0]
        raise InputError(f"{storage}: cannot be used ({reason})", "delete it, or choose another --out") from error
    unchanged = {key: dimension.parameter(_value(recipe, key)) for key, dimension in space.items()}
    if not study.get_trials(deepcopy=False) and None not in unchanged.values():
        study.enqueue_trial(unchanged, user_attrs={UNCHANGED: True})
    return study


def _value(recipe: Recipe, key: str) -> Any:
    """Return the recipe's value at a dotted key, or None."""
    value: Any = recipe.model_dump(mode="json")
    for part in key.split("."):
        children = dict(enumerate(value)) if isinstance(value, list) else value or {}
        value = children.get(int(part) if isinstance(value, list) else part)
    return value


def _requeue_interrupted(study: optuna.Study) -> None:
    """Queue interrupted trials again, with their values."""
    for trial in study.get_trials(states=(TrialState.RUNNING,)):
        study.tell(trial.number, state=TrialState.FAIL)
        if trial.params:
            attributes = {UNCHANGED: True} if UNCHANGED in trial.user_attrs else None
            study.enqueue_trial(trial.params, user_attrs=attributes)


def _ended(study: optuna.Study) -> list[FrozenTrial]:
    """Return the trials that have a score or failed by themselves; interrupted trials have neither."""
    trials = study.get_trials(deepcopy=False)
    return [trial for trial in trials if trial.state == TrialState.COMPLETE or FAULT in trial.user_attrs]


def _run_trial(
    study: optuna.Study, space: Space, score: Callable[[tuple[str, ...]], float], title: str, out: Path
) -> None:
    """Run one trial. Failures are recorded on the trial; only a full disk stops the search."""
    trial = study.ask()
    values = {key: _suggest(trial, key, dimension) for key, dimension in space.items()}
    changes = _changes(space, values, exact=UNCHANGED in trial.user_attrs)
    note(f"{title}: {' '.join(changes)}")
    unfinished = set(out.glob(WORK))
    try:
        with explain_disk_full(out):
            value = score(changes)
    except DiskFullError:
        raise
    except Exception as error:
        for work in set(out.glob(WORK)) - unfinished:  # a failed trial is not run again
            shutil.rmtree(work, ignore_errors=True)
        trial.set_user_attr(FAULT, str(error))
        study.tell(trial, state=TrialState.FAIL)
        note(f"{title}: failed: {error}")
    else:
        study.tell(trial, value)
        note(f"{title}: {value:.4f}")


def _suggest(trial: optuna.Trial, key: str, dimension: Dimension) -> Parameter:
    if dimension.choices:
        return trial.suggest_categorical(key, dimension.texts)
    assert dimension.low is not None
    assert dimension.high is not None
    if dimension.is_whole:
        return trial.suggest_int(key, int(dimension.low), int(dimension.high), log=dimension.log)
    return trial.suggest_float(key, dimension.low, dimension.high, log=dimension.log)


def _changes(space: Space, parameters: Mapping[str, Parameter], *, exact: bool) -> tuple[str, ...]:
    """Return values in the form that --set takes; rounded to three digits, unless they are the recipe's own."""
    return tuple(
        f"{key}={value:.3g}" if isinstance(value := parameters[key], float) and not exact else f"{key}={value}"
        for key in space
    )


def _result(study: optuna.Study, space: Space, storage: Path) -> SearchResult:
    ended = _ended(study)
    complete = [trial for trial in ended if trial.value is not None]
    if not complete:
        raise WorkerError(
            f"all {len(ended)} trials failed, the last with: {ended[-1].user_attrs[FAULT]}",
            "fix the recipe or its section [search]",
        )
    best = max(complete, key=lambda trial: (trial.value or 0.0, -trial.number))
    assert best.value is not None
    return SearchResult(
        score=best.value,
        own_score=next((trial.value for trial in complete if UNCHANGED in trial.user_attrs), None),
        changes=_changes(space, best.params, exact=UNCHANGED in best.user_attrs),
        finished=len(complete),
        failed=len(ended) - len(complete),
        storage=storage,
    )

"""Search a recipe's best values, judged on rows held out of the training split, never on the validation split."""

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
from distill.data.dataset import Splits
from distill.data.hold_out import hold_out
from distill.distil import REVISION, distil
from distill.model.encoder import Encoder
from distill.recipe import Recipe
from distill.recipe.search import Dimension
from infer.folders.student import read_evaluation
from infer.tasks import judge

STORAGE = "search.db"
LEARNING_RATE_FACTORS = (0.3, 3.0)
# Attributes of a trial: why it failed, and that it is the recipe as it stands.
FAULT = "fault"
OWN = "own"
WORK = ".student-*.work"
Space = Mapping[str, Dimension]
Parameter = str | int | float


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """What a search found.

    Attributes:
        score: the best one, on the held-out rows.
        own_score: of the recipe as it stands; None where the space leaves it out, or it failed.
        changes: the best values, as --set takes them.
        finished, failed: trials.
        storage: where they are kept.
    """

    score: float
    own_score: float | None
    changes: tuple[str, ...]
    finished: int
    failed: int
    storage: Path


def search(recipe: Recipe, encoder: Encoder, splits: Splits, out: Path, *, trials: int) -> Found:
    """Distil a student for each of some trials, or go on with an earlier search of the same recipe and data.

    Args:
        recipe: its section [search] names the values; without one, the learning rate of each stage.
        encoder: the teacher's model; the teacher is made once, of the rows that are not held out.
        splits: the task's data; its validation split is not used.
        out: the folder to work in, and of search.db.
        trials: how many in all, those of earlier runs included.

    Raises:
        InputError: a key of the space is wrong, the data cannot be parted, or the teacher is refused.
        WorkerError: every trial failed.
        DiskFullError: the disk is full; the trial under way is taken up again.
    """
    space = recipe.search.space if recipe.search else default_space(recipe)
    _check(space, recipe)
    parted = hold_out(splits.train, recipe.task, recipe.seed)
    teacher.make(recipe, encoder, parted, out)  # before the trials: its faults are not theirs
    study = _study(recipe, encoder, parted, space, out / STORAGE)
    _take_up_again(study)

    def score(changes: tuple[str, ...]) -> float:
        _, student = distil(recipes.with_overrides(recipe, changes), encoder, parted, out)
        evaluation = read_evaluation(student)
        shutil.rmtree(student)
        return judge.value(recipe.settings, recipe.main_metric, evaluation.student, evaluation.labels)

    while (number := len(_ended(study))) < trials:
        # Drawn from the seed and the number alone, so that a search goes on as if it had not been interrupted.
        study.sampler = TPESampler(seed=(recipe.student_seed + number) % 2**32)
        _try(study, space, score, f"trial {number + 1} of {trials}", out)
    return _found(study, space, out / STORAGE)


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
    """Check that the recipe has every key and takes its first and last value."""
    for key, dimension in space.items():
        ends = (dimension.texts[0], dimension.texts[-1]) if dimension.choices else (dimension.low, dimension.high)
        for value in ends:
            recipes.with_overrides(recipe, (f"{key}={value}",))


def _study(recipe: Recipe, encoder: Encoder, parted: Splits, space: Space, storage: Path) -> optuna.Study:
    """Return the study of this recipe, data and space, new or found; a new one begins with the recipe as it stands."""
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
    own = {key: dimension.parameter(_value(recipe, key)) for key, dimension in space.items()}
    if not study.get_trials(deepcopy=False) and None not in own.values():
        study.enqueue_trial(own, user_attrs={OWN: True})
    return study


def _value(recipe: Recipe, key: str) -> Any:
    """Return what the recipe has at a dotted key, None where it has nothing."""
    place: Any = recipe.model_dump(mode="json")
    for part in key.split("."):
        places = dict(enumerate(place)) if isinstance(place, list) else place or {}
        place = places.get(int(part) if isinstance(place, list) else part)
    return place


def _take_up_again(study: optuna.Study) -> None:
    """Put the trials that were interrupted in the queue again, with their values."""
    for trial in study.get_trials(states=(TrialState.RUNNING,)):
        study.tell(trial.number, state=TrialState.FAIL)
        if trial.params:
            own = {OWN: True} if OWN in trial.user_attrs else None
            study.enqueue_trial(trial.params, user_attrs=own)


def _ended(study: optuna.Study) -> list[FrozenTrial]:
    """Return the trials that gave a score or have a fault of their own; those interrupted have neither."""
    trials = study.get_trials(deepcopy=False)
    return [trial for trial in trials if trial.state == TrialState.COMPLETE or FAULT in trial.user_attrs]


def _try(study: optuna.Study, space: Space, score: Callable[[tuple[str, ...]], float], title: str, out: Path) -> None:
    """Run one trial. Failures are recorded on the trial; only a full disk stops the search."""
    trial = study.ask()
    values = {key: _suggest(trial, key, dimension) for key, dimension in space.items()}
    changes = _changes(space, values, exact=OWN in trial.user_attrs)
    note(f"{title}: {' '.join(changes)}")
    unfinished = set(out.glob(WORK))
    try:
        with explain_disk_full(out):
            value = score(changes)
    except DiskFullError:
        raise
    except Exception as error:
        for work in set(out.glob(WORK)) - unfinished:  # it is not tried again
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
    """Return values as --set takes them; no more digits than a reader would type, unless they are the recipe's own."""
    return tuple(
        f"{key}={value:.3g}" if isinstance(value := parameters[key], float) and not exact else f"{key}={value}"
        for key in space
    )


def _found(study: optuna.Study, space: Space, storage: Path) -> Found:
    ended = _ended(study)
    complete = [trial for trial in ended if trial.value is not None]
    if not complete:
        raise WorkerError(
            f"all {len(ended)} trials failed, the last with: {ended[-1].user_attrs[FAULT]}",
            "mend the recipe or its section [search]",
        )
    best = max(complete, key=lambda trial: (trial.value or 0.0, -trial.number))
    assert best.value is not None
    return Found(
        score=best.value,
        own_score=next((trial.value for trial in complete if OWN in trial.user_attrs), None),
        changes=_changes(space, best.params, exact=OWN in best.user_attrs),
        finished=len(complete),
        failed=len(ended) - len(complete),
        storage=storage,
    )

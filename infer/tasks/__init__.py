"""The kinds of task by name: the half of each that a device needs. Torch-free, and imported when asked for."""

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Annotated, Any, Literal, cast

from pydantic import Field

from contract.errors import InputError, near_miss
from contract.strict import parse
from infer.metrics.metric import Metric
from infer.tasks import classification, regression, token_classification
from infer.tasks.classification import Label
from infer.tasks.protocol import Task
from infer.tasks.regression import Score
from infer.tasks.token_classification import Entity

__all__ = ["MODULES", "Entity", "Label", "Name", "Score", "TaskSettings", "changed", "get", "metric", "settings"]

Name = Literal["classification", "regression", "token_classification"]
MODULES: Mapping[str, str] = {name: f"infer.tasks.{name}" for name in Name.__args__}  # type: ignore[attr-defined]
TaskSettings = Annotated[
    classification.Settings | regression.Settings | token_classification.Settings, Field(discriminator="kind")
]


def get(name: str) -> Task:
    """Return the module of a kind of task.

    Raises:
        KeyError: there is none of that name.
    """
    return cast("Task", import_module(MODULES[name]))


def settings(kind: str, names: Sequence[str]) -> TaskSettings:
    """Return the settings of a kind of task by what its answers are called.

    Args:
        kind: its name.
        names: what each column of the logits stands for; empty where the answer is a number.
    """
    return cast("TaskSettings", get(kind).settings(names))


def changed(task: TaskSettings, settings: Mapping[str, Any]) -> TaskSettings:
    """Return a task's settings with some that its answers depend on changed.

    Raises:
        InputError: The task has no such setting, or not with such a value.
    """
    free = [name for name, field in type(task).model_fields.items() if not field.is_required() and name != "kind"]
    for name in settings:
        if name not in free:
            raise InputError(f"{task.kind} has no setting {name!r}{near_miss(name, free)}", _settings_cure(free))
    return parse(type(task), {**task.model_dump(mode="json"), **settings}, task.kind)


def metric(kind: str, name: str) -> Metric:
    """Return a metric of a kind of task.

    Raises:
        KeyError: it has none of that name.
    """
    return {one.name: one for one in get(kind).METRICS}[name]


def _settings_cure(names: Sequence[str]) -> str:
    return f"it has: {', '.join(names)}" if names else "leave it out"

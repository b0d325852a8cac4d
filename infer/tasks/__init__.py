"""The kinds of task by name, the half of each that a device needs. Torch-free."""

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
        KeyError: there is no kind of that name.
    """
    return cast("Task", import_module(MODULES[name]))


def settings(kind: str, names: Sequence[str]) -> TaskSettings:
    """Return the settings of a kind of task with these answers.

    Args:
        kind: name of the kind.
        names: the meaning of each column of the logits; empty if the answer is a number.
    """
    return cast("TaskSettings", get(kind).settings(names))


def changed(task: TaskSettings, settings: Mapping[str, Any]) -> TaskSettings:
    """Return a task's settings with some of the optional ones changed.

    Raises:
        InputError: the task has no such setting, or the value is invalid.
    """
    optional = [name for name, field in type(task).model_fields.items() if not field.is_required() and name != "kind"]
    for name in settings:
        if name not in optional:
            raise InputError(
                f"{task.kind} has no setting {name!r}{near_miss(name, optional)}", _settings_cure(optional)
            )
    return parse(type(task), {**task.model_dump(mode="json"), **settings}, task.kind)


def metric(kind: str, name: str) -> Metric:
    """Return a metric of a kind of task.

    Raises:
        KeyError: it has no metric of that name.
    """
    return {metric.name: metric for metric in get(kind).METRICS}[name]


def _settings_cure(names: Sequence[str]) -> str:
    return f"it has: {', '.join(names)}" if names else "leave it out"

"""The kinds of task by name: the half of each that a device needs. Torch-free, and imported when asked for."""

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Annotated, Literal, cast

from pydantic import Field

from infer.metrics.metric import Metric
from infer.tasks import classification, regression, token_classification
from infer.tasks.protocol import Task

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


def metric(kind: str, name: str) -> Metric:
    """Return a metric of a kind of task.

    Raises:
        KeyError: it has none of that name.
    """
    return {one.name: one for one in get(kind).METRICS}[name]

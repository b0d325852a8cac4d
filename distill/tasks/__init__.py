"""The kinds of task by name: the half of each that training needs, which is the namesake of one in infer/tasks/."""

from importlib import import_module
from typing import Any, cast

from distill.tasks.protocol import Training
from infer.tasks import MODULES


def get(name: str) -> Training:
    """Return the module of a kind of task; torch and transformers are imported when a model is made.

    Raises:
        KeyError: there is none of that name.
    """
    return cast("Training", import_module(f"distill.tasks.{MODULES[name].rpartition('.')[2]}"))


def of_config(config: Any) -> Training | None:
    """Return the kind of task that a model is trained for, by its configuration; None if it is not trained for any."""
    return next((task for task in map(get, MODULES) if task.is_ready(config)), None)

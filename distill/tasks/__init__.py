"""The training half of each task, by name; the module of the same name in infer/tasks/ is its other half."""

from importlib import import_module
from typing import Any, cast

from distill.tasks.protocol import TrainingTask
from infer.tasks import MODULES


def get(name: str) -> TrainingTask:
    """Return the module of a task; torch and transformers are only imported when a model is created.

    Raises:
        KeyError: unknown task.
    """
    return cast("TrainingTask", import_module(f"distill.tasks.{MODULES[name].rpartition('.')[2]}"))


def of_config(config: Any) -> TrainingTask | None:
    """Return the task that a model configuration is fine-tuned for, or None for a pretrained model."""
    return next((task for task in map(get, MODULES) if task.is_fine_tuned(config)), None)


def set_problem_type(config: Any, name: str) -> None:
    """Write a task's problem_type into a model configuration, whatever is left in it from another task.

    Transformers writes it with the first batch that has labels, but a training that is resumed at its end sees none.
    """
    config.problem_type = get(name).PROBLEM_TYPE

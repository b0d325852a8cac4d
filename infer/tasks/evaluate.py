"""A model's outputs judged by the metrics of its task."""

from collections.abc import Mapping

from contract import errors
from contract.ragged import Ragged
from infer import tasks
from infer.metrics.metric import Interval, Statistics, interval, paired_drop
from infer.outputs import Outputs, check_finite


def require(task: tasks.TaskSettings) -> None:
    """Check that what judges a task is installed: better known before anything is measured than after.

    Raises:
        MissingExtraError: a library is not.
    """
    errors.require(*tasks.get(task.kind).REQUIRES, extra="report")


def statistics(task: tasks.TaskSettings, outputs: Outputs, labels: Ragged) -> Mapping[str, Statistics]:
    """Return the statistics of each example by metric, shape (N, K).

    Raises:
        InputError: an output is not a finite number.
    """
    check_finite(outputs)
    return tasks.get(task.kind).statistics(outputs, labels, task)


def values(task: tasks.TaskSettings, outputs: Outputs, labels: Ragged) -> dict[str, float]:
    """Return each metric that is defined for a model of this task.

    Raises:
        InputError: an output is not a finite number.
    """
    found = statistics(task, outputs, labels)
    return {name: tasks.metric(task.kind, name).value(found[name]) for name in found}


def default_metric(kind: str) -> str:
    """Return the name of the metric that a kind of task is judged by where nobody says another."""
    return tasks.get(kind).METRICS[0].name


def value(task: tasks.TaskSettings, metric: str, outputs: Outputs, labels: Ragged) -> float:
    """Return one metric.

    Raises:
        InputError: an output is not a finite number.
    """
    return tasks.metric(task.kind, metric).value(statistics(task, outputs, labels)[metric])


def intervals(task: tasks.TaskSettings, outputs: Outputs, labels: Ragged) -> dict[str, Interval]:
    """Return each metric with its 95 % interval over the examples.

    Raises:
        InputError: an output is not a finite number.
    """
    found = statistics(task, outputs, labels)
    return {name: interval(tasks.metric(task.kind, name), found[name]) for name in found}


def drop(task: tasks.TaskSettings, metric: str, outputs: Outputs, reference: Outputs, labels: Ragged) -> Interval:
    """Return by how much a model is worse than a reference on the same examples, with a paired 95 % interval.

    Raises:
        InputError: an output is not a finite number.
    """
    own, other = (statistics(task, one, labels)[metric] for one in (outputs, reference))
    return paired_drop(tasks.metric(task.kind, metric), own, other)

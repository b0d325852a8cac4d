"""Evaluates a model's outputs by the metrics of its task."""

from collections.abc import Mapping

from contract import errors
from contract.ragged import Ragged
from infer import tasks
from infer.metrics.metric import Interval, Statistics, interval, paired_drop
from infer.outputs import Outputs, check_finite


def require(task: tasks.TaskSettings) -> None:
    """Check that the libraries for a task's metrics are installed, to fail before anything is measured.

    Raises:
        MissingExtraError: a library is not installed.
    """
    errors.require(*tasks.get(task.kind).REQUIRES, extra="report")


def default_metric(kind: str) -> str:
    """Return the name of the metric that a kind of task is judged by unless a recipe names another."""
    return tasks.get(kind).METRICS[0].name


def statistics(task: tasks.TaskSettings, outputs: Outputs, labels: Ragged) -> Mapping[str, Statistics]:
    """Return the statistics of each example by metric, shape (N, K).

    Raises:
        InputError: an output is not a finite number.
    """
    check_finite(outputs)
    return tasks.get(task.kind).statistics(outputs, labels, task)


def value(task: tasks.TaskSettings, metric: str, outputs: Outputs, labels: Ragged) -> float:
    """Return the value of one metric.

    Raises:
        InputError: an output is not a finite number.
    """
    return tasks.metric(task.kind, metric).value(statistics(task, outputs, labels)[metric])


def values(task: tasks.TaskSettings, outputs: Outputs, labels: Ragged) -> dict[str, float]:
    """Return the value of each metric that is defined for a model of this task.

    Raises:
        InputError: an output is not a finite number.
    """
    by_metric = statistics(task, outputs, labels)
    return {name: tasks.metric(task.kind, name).value(by_metric[name]) for name in by_metric}


def intervals(task: tasks.TaskSettings, outputs: Outputs, labels: Ragged) -> dict[str, Interval]:
    """Return each metric with its 95 % interval over the examples.

    Raises:
        InputError: an output is not a finite number.
    """
    by_metric = statistics(task, outputs, labels)
    return {name: interval(tasks.metric(task.kind, name), by_metric[name]) for name in by_metric}


def drop(task: tasks.TaskSettings, metric: str, outputs: Outputs, reference: Outputs, labels: Ragged) -> Interval:
    """Return how much worse a model is than a reference on the same examples, with a paired 95 % interval.

    Raises:
        InputError: an output is not a finite number.
    """
    model_NK, reference_NK = (statistics(task, side, labels)[metric] for side in (outputs, reference))
    return paired_drop(tasks.metric(task.kind, metric), model_NK, reference_NK)

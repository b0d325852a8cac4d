"""Comparison of a model with one that always gives the same answer: a model that is not better is of no use."""

from contract.ragged import Ragged
from infer import tasks
from infer.metrics.format import metric_interval, metric_value
from infer.metrics.metric import Interval, is_better
from infer.tasks import evaluate


def values(task: tasks.TaskSettings, labels: Ragged) -> dict[str, float]:
    """Return each metric of a model that always gives the same answer, such as the most frequent label."""
    return evaluate.values(task, tasks.get(task.kind).constant(labels, task), labels)


def describe(kind: str, metric: str, constant: float) -> str:
    """Return one line with the metric of always giving the same answer.

    Args:
        kind: kind of task.
        metric: name of the metric.
        constant: its value for always giving the same answer.
    """
    return f"always giving {tasks.get(kind).CONSTANT}: {metric_value(tasks.metric(kind, metric), constant)}"


def describe_no_better(model: str, kind: str, metric: str, found: Interval | float, constant: float) -> str:
    """Return one line that says that a model is not better than always giving the same answer; empty if it is.

    Args:
        model: the model, as the subject of a sentence.
        kind: kind of task.
        metric: name of the metric.
        found: the model's value of the metric; with an interval, all of it must be better.
        constant: the value for always giving the same answer.
    """
    judged_by = tasks.metric(kind, metric)
    interval = found if isinstance(found, Interval) else Interval(value=found, low=found, high=found)
    if is_better(judged_by, interval, constant):
        return ""
    value = metric_interval(judged_by, found) if isinstance(found, Interval) else metric_value(judged_by, found)
    return (
        f"{model}, at {value}, is not shown to be better than always giving {tasks.get(kind).CONSTANT}, at "
        f"{metric_value(judged_by, constant)}"
    )

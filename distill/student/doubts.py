"""Reasons to doubt the scores of a student, for the console and its card."""

from infer import tasks
from infer.folders.student import Evaluation
from infer.metrics.format import metric_interval
from infer.tasks import constant, evaluate


def find_doubts(task: tasks.TaskSettings, evaluation: Evaluation, metric: str) -> list[str]:
    """Return the reasons to doubt a student's scores, one line each; none for a sound student.

    Args:
        task: the student's task.
        evaluation: outputs of student and teacher for the validation split.
        metric: the recipe's main metric.
    """
    always_same = constant.values(task, evaluation.labels)[metric]
    intervals = {
        model: evaluate.intervals(task, outputs, evaluation.labels)[metric]
        for model, outputs in (("the student", evaluation.student), ("the teacher", evaluation.teacher))
    }
    lines = [
        constant.describe_no_better(model, task.kind, metric, interval, always_same)
        for model, interval in intervals.items()
    ]
    return [line for line in (_describe_overlap(task, evaluation, metric), *lines) if line]


def _describe_overlap(task: tasks.TaskSettings, evaluation: Evaluation, metric: str) -> str:
    total, new = len(evaluation.labels), evaluation.without_training()
    if len(new.labels) in (0, total):
        return ""
    student, teacher = (
        metric_interval(tasks.metric(task.kind, metric), evaluate.intervals(task, outputs, new.labels)[metric])
        for outputs in (new.student, new.teacher)
    )
    return (
        f"{total - len(new.labels):,} of {total:,} validation sentences are also training sentences; on the other "
        f"{len(new.labels):,}, the student is at {student}, the teacher at {teacher}"
    )

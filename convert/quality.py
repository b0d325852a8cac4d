"""How right a converted model answers, beside the student and the teacher."""

from infer import tasks
from infer.folders.artifact import Quality
from infer.folders.student import Evaluation
from infer.metrics.metric import interval, paired_drop
from infer.outputs import Outputs
from infer.tasks.evaluate import statistics


def judge(evaluation: Evaluation, task: tasks.TaskSettings, metric: str, outputs: Outputs) -> Quality:
    """Judge a model's outputs.

    Args:
        evaluation: the sentences, their labels, and what the teacher and the student answer.
        task: the student's.
        metric: what the student's recipe judges by.
        outputs: the model's answers to all sentences.
    """
    main = tasks.metric(task.kind, metric)
    own = statistics(task, outputs, evaluation.labels)
    student_NK, teacher_NK = (
        statistics(task, reference, evaluation.labels)[metric] for reference in (evaluation.student, evaluation.teacher)
    )
    return Quality(
        metric=metric,
        values={name: interval(tasks.metric(task.kind, name), own_NK) for name, own_NK in own.items()},
        student=main.value(student_NK),
        teacher=main.value(teacher_NK),
        drop=paired_drop(main, own[metric], teacher_NK),
        distance=tasks.get(task.kind).distance(outputs, evaluation.teacher, evaluation.labels),
    )

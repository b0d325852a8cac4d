"""The metrics of a converted model, next to those of the student and the teacher."""

from collections.abc import Sequence
from pathlib import Path

from contract.folder import identity
from contract.ragged import Ragged
from infer import tasks
from infer.folders.artifact import Quality, read_artifact
from infer.folders.student import STUDENT_MANIFEST, Evaluation, read_evaluation, read_student
from infer.metrics.metric import interval, paired_drop
from infer.outputs import Outputs
from infer.tasks import constant
from infer.tasks.evaluate import statistics


def measure_quality(evaluation: Evaluation, task: tasks.TaskSettings, metric: str, outputs: Outputs) -> Quality:
    """Measure the quality of a model's outputs.

    Args:
        evaluation: the evaluation sentences with their labels and the outputs of the student and the teacher.
        task: the student's task.
        metric: name of the main metric of the student's recipe.
        outputs: the model's outputs for all sentences.
    """
    main_metric = tasks.metric(task.kind, metric)
    by_metric = statistics(task, outputs, evaluation.labels)
    student_NK, teacher_NK = (
        statistics(task, reference, evaluation.labels)[metric] for reference in (evaluation.student, evaluation.teacher)
    )
    return Quality(
        metric=metric,
        values={name: interval(tasks.metric(task.kind, name), model_NK) for name, model_NK in by_metric.items()},
        student=main_metric.value(student_NK),
        teacher=main_metric.value(teacher_NK),
        drop=paired_drop(main_metric, by_metric[metric], teacher_NK),
        distance=tasks.get(task.kind).distance(outputs, evaluation.teacher, evaluation.labels),
    )


def find_doubts(student: Path, artifacts: Sequence[Path]) -> list[str]:
    """Return which artifacts are not better than always giving the same answer, one line each.

    Args:
        student: the student folder.
        artifacts: artifact folders; those of other students are left out.
    """
    task, student_identity = read_student(student).task, identity(student / STUDENT_MANIFEST)
    labels = read_evaluation(student).labels
    lines = [
        find_doubt(f"{artifact.runtime} {artifact.precision}", task, artifact.quality, labels)
        for artifact in map(read_artifact, artifacts)
        if artifact.parents.get("student") == student_identity
    ]
    return [line for line in lines if line]


def find_doubt(name: str, task: tasks.TaskSettings, quality: Quality, labels: Ragged) -> str:
    """Say that a model is not better than always giving the same answer; empty if it is.

    Args:
        name: the model in words.
        task: its task.
        quality: metrics of its outputs.
        labels: the right answers.
    """
    always_same = constant.values(task, labels)[quality.metric]
    return constant.describe_no_better(name, task.kind, quality.metric, quality.value, always_same)

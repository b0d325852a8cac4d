"""The losses that compare the student's logits with the teacher's or with the data's labels, for each task's head."""

from collections.abc import Callable

from torch import Tensor

from distill import losses
from distill.recipe.stage import Stage
from distill.training.heads import Head, Rows, mean_by_head

PREDICTION_LOSSES: dict[str, Callable[[Tensor, Tensor, float], Tensor]] = {
    "soft_cross_entropy": losses.prediction,
    "divergence": losses.divergence,
    "squared_error": lambda student_BC, teacher_BC, _temperature: losses.squared_error(student_BC, teacher_BC),
}


def prediction(
    stage: Stage, heads: tuple[Head, ...], heads_B: Tensor | None, student_RC: Tensor, teacher_RC: Tensor
) -> Tensor:
    """Compare the logits of both; scores of a regression have no classes and no temperature.

    Args:
        stage: stage that names the loss and its temperature.
        heads: heads of the student.
        heads_B: number of each row's head; None if the student has only one.
        student_RC, teacher_RC: logits of R sentences or tokens.
    """

    def loss(head: Head, rows: Rows) -> Tensor:
        student, teacher = head.of(student_RC[rows]), head.of(teacher_RC[rows])
        if head.is_score:
            return losses.squared_error(student, teacher)
        return PREDICTION_LOSSES[stage.prediction_loss](student, teacher, stage.temperature)

    return mean_by_head(heads, heads_B, loss)


def labels(heads: tuple[Head, ...], heads_B: Tensor | None, student_RC: Tensor, labels_R: Tensor) -> Tensor:
    """Compare the student's logits with the data's labels.

    Args:
        heads: heads of the student.
        heads_B: number of each row's head; None if the student has only one.
        student_RC: logits of R sentences or tokens.
        labels_R: class numbers, or scores of a regression.
    """

    def loss(head: Head, rows: Rows) -> Tensor:
        student = head.of(student_RC[rows])
        if head.is_score:
            return losses.squared_error(student, labels_R[rows][:, None])
        return losses.labels(student, labels_R[rows].long())

    return mean_by_head(heads, heads_B, loss)

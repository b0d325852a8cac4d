"""The outputs of a model that answers several tasks: which of them are one task's, and of what kind."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

# What a batch brings where rows are of several tasks: the number of each row's head.
HEAD = "head"
# Row numbers of a batch, or all of them.
Rows = Tensor | slice
ALL = slice(None)


@dataclass(frozen=True, kw_only=True, slots=True)
class Head:
    """The outputs of one task.

    Attributes:
        first: the first of them.
        outputs: how many.
        is_score: whether they are a score, or else logits of classes.
    """

    first: int
    outputs: int
    is_score: bool

    def of(self, logits_BC: Tensor) -> Tensor:
        """Return this task's outputs."""
        return logits_BC[:, self.first : self.first + self.outputs]


def mean_by_head(heads: tuple[Head, ...], heads_B: Tensor | None, loss: Callable[[Head, Rows], Tensor]) -> Tensor:
    """Return the mean of a loss over the rows of a batch, each judged by its own task's outputs.

    Args:
        heads: of the model.
        heads_B: the number of each row's head; None where the model has one.
        loss: the mean over some rows, by their head and their numbers.
    """
    if heads_B is None:
        (head,) = heads
        return loss(head, ALL)
    parts = []
    for number, head in enumerate(heads):
        rows_R = torch.nonzero(heads_B == number)[:, 0]
        if len(rows_R):
            parts.append(loss(head, rows_R) * (len(rows_R) / len(heads_B)))
    return torch.stack(parts).sum()

"""The heads of a model that answers several tasks: which of its outputs belong to which task."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

# Key of a batch with rows of several tasks: the number of each row's head.
HEAD = "head"
# Row numbers of a batch, or all of them.
Rows = Tensor | slice
ALL = slice(None)


@dataclass(frozen=True, kw_only=True, slots=True)
class Head:
    """The outputs of one task.

    Attributes:
        first: index of the first output.
        outputs: number of outputs.
        is_score: whether they are a score, rather than logits of classes.
    """

    first: int
    outputs: int
    is_score: bool

    def of(self, logits_BC: Tensor) -> Tensor:
        """Return this task's outputs."""
        return logits_BC[:, self.first : self.first + self.outputs]


def mean_by_head(heads: tuple[Head, ...], heads_B: Tensor | None, loss: Callable[[Head, Rows], Tensor]) -> Tensor:
    """Return the mean of a loss over the rows of a batch, each row computed from its own task's outputs.

    Args:
        heads: heads of the model.
        heads_B: number of each row's head; None if the model has only one.
        loss: function of a head and its row numbers that returns the mean over these rows.
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

"""What to do with a training step whose loss or gradients are not finite: it must never reach the weights."""

from dataclasses import dataclass, field

import torch
from torch import nn

from contract.errors import InputError
from contract.progress import note
from distill.recipe.training import NotFinite

MAXIMAL_SKIPPED_IN_A_ROW = 10


@dataclass(kw_only=True)
class NotFinitePolicy:
    """Skips or refuses the steps of one training that are not finite.

    Attributes:
        action: the recipe's `not_finite`: stop, or skip the step.
        what: what is trained, for messages.
        skipped: number of steps skipped so far.
    """

    action: NotFinite
    what: str
    skipped: int = 0
    _in_a_row: int = field(default=0, init=False)

    def step_taken(self) -> None:
        """Count a finite step."""
        self._in_a_row = 0

    def step_failed(self, step: str, reason: str) -> None:
        """Count a step that is not finite.

        Args:
            step: the step's number, in words.
            reason: what is not finite.

        Raises:
            InputError: the recipe says `stop`, or too many steps in a row were skipped.
        """
        if self.action == "stop":
            raise InputError(
                f"{self.what}, {step}: {reason}",
                'lower its learning_rate, or set its not_finite = "skip" to skip such steps',
            )
        self.skipped += 1
        self._in_a_row += 1
        note(f"{self.what}, {step}: {reason}; skipped ({self.skipped} so far)")
        if self._in_a_row >= MAXIMAL_SKIPPED_IN_A_ROW:
            raise InputError(
                f"{self.what}, {step}: {reason}, as in the {MAXIMAL_SKIPPED_IN_A_ROW - 1} steps before it",
                "lower its learning_rate",
            )

    def check_weights(self, model: nn.Module, step: str) -> None:
        """Check a model's weights before they are written.

        Raises:
            InputError: a weight is not finite.
        """
        for name, weight in model.state_dict().items():
            if not torch.isfinite(weight).all():
                raise InputError(
                    f"{self.what}, {step}: the weights of {name} are no longer finite", "lower its learning_rate"
                )

"""What becomes of a training step whose loss or gradients are not finite: it must never reach the weights."""

from dataclasses import dataclass, field

import torch
from torch import nn

from contract.errors import InputError
from contract.progress import note
from distill.recipe.training import NotFinite

SKIPPED_IN_A_ROW = 10


@dataclass(kw_only=True)
class Finite:
    """The policy of one training, and what it has skipped.

    Attributes:
        not_finite: of the recipe.
        what: is trained, for messages.
        skipped: steps left out so far.
    """

    not_finite: NotFinite
    what: str
    skipped: int = 0
    _in_a_row: int = field(default=0, init=False)

    def passed(self) -> None:
        """Count a step that was taken."""
        self._in_a_row = 0

    def failed(self, step: str, found: str) -> None:
        """Count a step that cannot be taken.

        Args:
            step: which it is, in words.
            found: what is not finite of it.

        Raises:
            InputError: the recipe says `stop`, or too many were skipped in a row.
        """
        if self.not_finite == "stop":
            raise InputError(
                f"{self.what}, {step}: {found}",
                'lower its learning_rate, or set its not_finite = "skip" to leave such steps out',
            )
        self.skipped += 1
        self._in_a_row += 1
        note(f"{self.what}, {step}: {found}; left out ({self.skipped} so far)")
        if self._in_a_row >= SKIPPED_IN_A_ROW:
            raise InputError(
                f"{self.what}, {step}: {found}, as in the {SKIPPED_IN_A_ROW - 1} steps before it",
                "lower its learning_rate",
            )

    def check_weights(self, model: nn.Module, step: str) -> None:
        """Check that a model may be written.

        Raises:
            InputError: a weight is not finite.
        """
        for name, weight in model.state_dict().items():
            if not torch.isfinite(weight).all():
                raise InputError(
                    f"{self.what}, {step}: the weights of {name} are no longer finite", "lower its learning_rate"
                )

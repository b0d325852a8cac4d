"""The settings of a task that a device needs to answer, as in manifests; each kind of task adds keys."""

from collections import Counter
from typing import Self

from pydantic import model_validator

from contract.strict import Strict


class Settings(Strict):
    """The settings of one kind of task.

    Attributes:
        kind: name of its module in infer/tasks/.
    """

    kind: str

    @model_validator(mode="after")
    def _has_names(self) -> Self:
        blank = [name for name in self.names if not name.strip()]
        twice = [name for name, count in Counter(self.names).items() if count > 1]
        if blank or twice:
            raise ValueError(f"{'two labels are' if twice else 'a label is'} named {(twice or blank)[0]!r}")
        return self

    @property
    def names(self) -> tuple[str, ...]:
        """The meaning of each column of the logits; empty if the answer is a number."""
        return ()

    @property
    def columns(self) -> int:
        """Number of columns of the logits."""
        return max(1, len(self.names))

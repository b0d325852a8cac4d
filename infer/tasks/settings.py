"""The settings of a task that a device needs to answer, as in manifests; each kind of task adds keys."""

from contract.strict import Strict


class Settings(Strict):
    """The settings of one kind of task.

    Attributes:
        kind: name of its module in infer/tasks/.
    """

    kind: str

    @property
    def names(self) -> tuple[str, ...]:
        """The meaning of each column of the logits; empty if the answer is a number."""
        return ()

    @property
    def columns(self) -> int:
        """Number of columns of the logits."""
        return max(1, len(self.names))

"""What a device must know of a task to answer, as manifests hold it; each kind of task adds its own keys."""

from contract.strict import Strict


class Settings(Strict):
    """The settings of one kind of task.

    Attributes:
        kind: the name of its module in infer/tasks/.
    """

    kind: str

    @property
    def names(self) -> tuple[str, ...]:
        """What each column of the logits stands for; empty where the answer is a number."""
        return ()

    @property
    def columns(self) -> int:
        """Columns of the logits."""
        return max(1, len(self.names))

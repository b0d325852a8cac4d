"""The losses of a training by step, kept for TensorBoard after it ended."""

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from torch import Tensor
from transformers import TrainerState

from distill.training import processes

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter


def log_folder(work: Path, stage: str = "") -> Path:
    """Return the folder of a training's log: `logs/student-….STAGE`, next to the finished folder.

    Args:
        work: folder of the unfinished work.
        stage: the stage's name, if the output folder takes several.
    """
    folder = work.name.removeprefix(".").removesuffix(".work")
    return work.parent / "logs" / "-".join(filter(None, (folder, re.sub(r"[^\w.-]+", "_", stage))))


@contextmanager
def event_writer(folder: Path, checkpoint: str | None) -> "Iterator[SummaryWriter | None]":
    """Open a writer of TensorBoard events, in the main process only.

    Args:
        folder: folder of the log; without a checkpoint, the log of an earlier training is removed.
        checkpoint: checkpoint to resume from; events after its step are discarded.
    """
    if not processes.is_main():
        yield None
        return
    from torch.utils.tensorboard import SummaryWriter

    if checkpoint is None:
        shutil.rmtree(folder, ignore_errors=True)
        purge_step = None
    else:
        purge_step = TrainerState.load_from_json(str(Path(checkpoint) / "trainer_state.json")).global_step + 1
    with SummaryWriter(str(folder), purge_step=purge_step) as writer:
        yield writer


class LossMeans:
    """The mean of each loss since the last `pop`."""

    def __init__(self) -> None:
        self.steps = 0
        self._sums: dict[str, Tensor] = {}
        self._step_losses: dict[str, Tensor] = {}

    def add(self, losses: dict[str, Tensor]) -> None:
        """Add the losses of the current step."""
        for name, loss in losses.items():
            self._step_losses[name] = loss.detach()

    def end_step(self, *, taken: bool) -> None:
        """End the current step; its losses count only if it was taken."""
        if taken:
            self.steps += 1
            for name, loss in self._step_losses.items():
                self._sums[name] = self._sums.get(name, 0.0) + loss
        self._step_losses = {}

    def pop(self) -> dict[str, Tensor]:
        """Return the mean of each loss, by `NAME_loss`, and start over."""
        means = {f"{name}_loss": total / self.steps for name, total in self._sums.items()} if self.steps else {}
        self.steps, self._sums = 0, {}
        return means

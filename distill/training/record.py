"""The record of a training that outlives it: its losses by step, for TensorBoard."""

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


def record_folder(work: Path, stage: str = "") -> Path:
    """Return where the record of a training lies: `logs/student-….STAGE` beside the finished folder.

    Args:
        work: where the folder's unfinished work is kept.
        stage: its name, where the folder takes several.
    """
    folder = work.name.removeprefix(".").removesuffix(".work")
    return work.parent / "logs" / "-".join(filter(None, (folder, re.sub(r"[^\w.-]+", "_", stage))))


@contextmanager
def recording(folder: Path, checkpoint: str | None) -> "Iterator[SummaryWriter | None]":
    """Give a writer of TensorBoard events, in the first process only.

    Args:
        folder: of the record; what is there of an earlier training that is not gone on with is removed.
        checkpoint: what the training goes on from; steps recorded after it are void.
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


class Terms:
    """The mean of each loss since it was last asked for."""

    def __init__(self) -> None:
        self.steps = 0
        self._sums: dict[str, Tensor] = {}
        self._of_step: dict[str, Tensor] = {}

    def note(self, terms: dict[str, Tensor]) -> None:
        """Note the losses of a step under way."""
        for name, term in terms.items():
            self._of_step[name] = term.detach()

    def step(self, *, taken: bool) -> None:
        """End a step; what it noted counts if it was taken."""
        if taken:
            self.steps += 1
            for name, term in self._of_step.items():
                self._sums[name] = self._sums.get(name, 0.0) + term
        self._of_step = {}

    def drain(self) -> dict[str, Tensor]:
        """Return the mean of each loss, by `NAME_loss`, and begin anew."""
        means = {f"{name}_loss": total / self.steps for name, total in self._sums.items()} if self.steps else {}
        self.steps, self._sums = 0, {}
        return means

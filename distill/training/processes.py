"""Training by several processes of one `accelerate launch`, each on its share of every batch.

All of them draw the same batches; the first one alone writes folders and talks. A single process never asks for others,
and imports nothing for them.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from contract.errors import InputError
from contract.lock import locked

if TYPE_CHECKING:
    from accelerate import PartialState
    from torch import Tensor

Value = TypeVar("Value")
# A process waits for the first one while it evaluates; a dead one is noticed by the launcher, which ends them all.
PATIENCE = timedelta(days=7)
SHARE = "share"
# What the parts of SHARE count, in their order.
COUNTED = ("sentences", "tokens", "pairs")


def number_of() -> int:
    """Return how many processes the launcher started."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def is_main() -> bool:
    """Tell whether this is the process that writes and talks."""
    return number_of() == 1 or _state().is_main_process


def wait() -> None:
    """Wait until all processes are here."""
    if number_of() > 1:
        _state().wait_for_everyone()


def broadcast_from_main(value: Callable[[], Value]) -> Value:
    """Return what the first process finds, in all of them; the others do not look."""
    if number_of() == 1:
        return value()
    from accelerate.utils import broadcast_object_list

    found: Value = broadcast_object_list([value() if is_main() else None])[0]
    return found


def main_process_first(value: Callable[[], Value]) -> Value:
    """Return what each process finds, the first one before the others, who find what it left on disk."""
    if number_of() == 1:
        return value()
    with _state().main_process_first():
        return value()


def all_processes(condition: bool) -> bool:
    """Tell whether a condition holds in all processes."""
    if number_of() == 1:
        return condition
    import torch

    holds = torch.tensor(int(condition), device=_state().device)
    torch.distributed.all_reduce(holds, torch.distributed.ReduceOp.MIN)
    return bool(holds)


def share_of(batch_size: int) -> int:
    """Return how many sentences of a batch are one process's.

    Raises:
        InputError: the batch cannot be shared equally.
    """
    processes = number_of()
    if batch_size % processes:
        raise InputError(
            f"batch_size {batch_size} cannot be shared by {processes} processes",
            f"set it to a multiple of {processes}",
        )
    return batch_size // processes


@contextmanager
def together(folder: Path) -> Iterator[None]:
    """Hold an output folder for all processes; only the first one takes its lock.

    Raises:
        InputError: another run holds the folder, or it cannot be written.
    """
    if number_of() == 1:
        with locked(folder):
            yield
        return
    state = _state()
    if is_main():
        with locked(folder):
            wait()
            yield
    else:
        wait()
        yield
    state.destroy_process_group()


@dataclass(frozen=True, kw_only=True, slots=True)
class Share:
    """Collate the share of one process of a batch that all of them draw.

    A mean over the share is no mean over the batch: the shares hold other numbers of tokens. So the batch brings by
    what each mean is to be multiplied for the mean over processes to be the one over the batch, exactly.

    Attributes:
        collate: gives the tensors of some sentences.
        lengths: tokens of each training sentence.
        process: from 0.
        processes: how many there are.
    """

    collate: Callable[[list[dict[str, Any]]], dict[str, Any]]
    lengths: Sequence[int]
    process: int
    processes: int

    def __call__(self, features: list[dict[str, Any]]) -> "dict[str, Tensor]":
        """Return the tensors of the share, and `share` of shape (3,): a factor for each of COUNTED."""
        import torch

        own = features[self.process :: self.processes]
        counts, all_counts = self._counts(own), self._counts(features)
        factors = [self.processes * count / whole for count, whole in zip(counts, all_counts, strict=True)]
        # Where there are fewer sentences than processes, one is taken that counts for nothing.
        return {**self.collate(own or features[:1]), SHARE: torch.tensor(factors)}

    def _counts(self, features: Sequence[dict[str, Any]]) -> tuple[int, ...]:
        lengths = [int(self.lengths[feature["row"]]) for feature in features]
        return len(lengths), sum(lengths), sum(length**2 for length in lengths)


def _state() -> "PartialState":
    import torch
    from accelerate import PartialState

    if PartialState._shared_state:
        return PartialState()
    return PartialState(cpu=not torch.cuda.is_available(), timeout=PATIENCE)

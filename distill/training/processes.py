"""Training by several processes of one `accelerate launch`, each on its share of every batch.

All of them draw the same batches; only the main process writes folders and prints. A single process imports nothing for
the others.
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
# The others wait while the main process evaluates; if a process dies, the launcher stops them all.
TIMEOUT = timedelta(days=7)
SHARE = "share"
# What each factor in SHARE is the mean over, in order.
COUNTED = ("sentences", "tokens", "pairs")


def process_count() -> int:
    """Return how many processes the launcher started."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def is_main() -> bool:
    """Return whether this is the process that writes and prints."""
    return process_count() == 1 or _state().is_main_process


def wait() -> None:
    """Wait until all processes have arrived here."""
    if process_count() > 1:
        _state().wait_for_everyone()


def broadcast_from_main(value: Callable[[], Value]) -> Value:
    """Call a function in the main process only, and return its result in all processes."""
    if process_count() == 1:
        return value()
    from accelerate.utils import broadcast_object_list

    result: Value = broadcast_object_list([value() if is_main() else None])[0]
    return result


def main_process_first(value: Callable[[], Value]) -> Value:
    """Call a function in each process, in the main one first, so that the others find what it left on disk."""
    if process_count() == 1:
        return value()
    with _state().main_process_first():
        return value()


def all_processes(condition: bool) -> bool:
    """Return whether a condition holds in all processes."""
    if process_count() == 1:
        return condition
    import torch

    holds = torch.tensor(int(condition), device=_state().device)
    torch.distributed.all_reduce(holds, torch.distributed.ReduceOp.MIN)
    return bool(holds)


def batch_share(batch_size: int) -> int:
    """Return the number of sentences that each process takes of a batch.

    Raises:
        InputError: the batch cannot be shared equally.
    """
    processes = process_count()
    if batch_size % processes:
        raise InputError(
            f"batch_size {batch_size} cannot be shared by {processes} processes",
            f"set it to a multiple of {processes}",
        )
    return batch_size // processes


@contextmanager
def lock(folder: Path) -> Iterator[None]:
    """Lock an output folder for all processes; only the main one takes the lock itself.

    Raises:
        InputError: another run has locked the folder, or it cannot be written.
    """
    if process_count() == 1:
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
class CollateShare:
    """Collates one process's share of a batch that all processes draw.

    A mean over the share is not its part of the mean over the batch, as shares have different numbers of tokens. So
    each share comes with the factors by which its means must be multiplied, such that the mean over processes is
    exactly the mean over the batch.

    Attributes:
        collate: function that returns the tensors of some sentences.
        lengths: tokens of each training sentence.
        process: number of this process, from 0.
        processes: number of processes.
    """

    collate: Callable[[list[dict[str, Any]]], dict[str, Any]]
    lengths: Sequence[int]
    process: int
    processes: int

    def __call__(self, features: list[dict[str, Any]]) -> "dict[str, Tensor]":
        """Return the tensors of the share, and `share`, shape (3,): a factor for each of COUNTED."""
        import torch

        share = features[self.process :: self.processes]
        counts, batch_counts = self._counts(share), self._counts(features)
        factors = [self.processes * count / total for count, total in zip(counts, batch_counts, strict=True)]
        # With fewer sentences than processes, an empty share is filled with a sentence whose factors are 0.
        return {**self.collate(share or features[:1]), SHARE: torch.tensor(factors)}

    def _counts(self, features: Sequence[dict[str, Any]]) -> tuple[int, ...]:
        lengths = [int(self.lengths[feature["row"]]) for feature in features]
        return len(lengths), sum(lengths), sum(length**2 for length in lengths)


def _state() -> "PartialState":
    import torch
    from accelerate import PartialState

    if PartialState._shared_state:
        return PartialState()
    return PartialState(cpu=not torch.cuda.is_available(), timeout=TIMEOUT)

"""A stop that can be resumed from: at the first signal the step ends and is saved, at the second all ends at once."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from distill.training import processes


@dataclass(slots=True)
class Stop:
    """Which signal asked to stop, if any."""

    signal_number: int | None = None


@contextmanager
def stop_requests() -> Iterator[Stop]:
    """Note the first SIGINT or SIGTERM instead of dying of it; a second one takes effect at once."""
    stop = Stop()
    before: dict[int, Any] = {}

    def note_it(number: int, _frame: FrameType | None) -> None:
        stop.signal_number = number
        restore()

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    for number in (signal.SIGINT, signal.SIGTERM):
        # Ignored by who started this process, as a shell does with SIGINT in the background: so it stays.
        if signal.getsignal(number) is not signal.SIG_IGN:
            before[number] = signal.signal(number, note_it)
    try:
        yield stop
    finally:
        restore()


@dataclass
class StopAtStep(TrainerCallback):
    """Save and stop at the end of the step in which the user asked to stop, in all processes together."""

    stop: Stop

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_kwargs: Any
    ) -> TrainerControl:
        """Ask the Trainer to save and to end."""
        if not processes.all_processes(self.stop.signal_number is None):
            control.should_save = True
            control.should_training_stop = True
        return control

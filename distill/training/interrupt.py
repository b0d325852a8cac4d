"""Stop a training so that it can be resumed: the first signal ends and saves the step, the second stops at once."""

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
    """The signal that asked to stop, if any."""

    signal_number: int | None = None


@contextmanager
def stop_requests() -> Iterator[Stop]:
    """Record the first SIGINT or SIGTERM instead of dying of it; a second one takes effect at once."""
    stop = Stop()
    handlers: dict[int, Any] = {}

    def request(number: int, _frame: FrameType | None) -> None:
        stop.signal_number = number
        restore()

    def restore() -> None:
        for number, handler in handlers.items():
            signal.signal(number, handler)

    for number in (signal.SIGINT, signal.SIGTERM):
        # A signal that the parent process ignores, as a shell does SIGINT in the background, stays ignored.
        if signal.getsignal(number) is not signal.SIG_IGN:
            handlers[number] = signal.signal(number, request)
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
        """Ask the Trainer to save and stop."""
        if not processes.all_processes(self.stop.signal_number is None):
            control.should_save = True
            control.should_training_stop = True
        return control

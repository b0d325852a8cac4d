"""The training loop: its arguments, and a run from the last checkpoint to the end."""

import gc
import math
import signal
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from transformers import Trainer, TrainerCallback, TrainerControl, TrainerState, TrainingArguments
from transformers.integrations.integration_utils import TensorBoardCallback
from transformers.trainer_callback import PrinterCallback

from contract.errors import InputError
from contract.progress import Advance, bar
from distill.recipe.training import Training
from distill.training import checkpoints, processes
from distill.training.interrupt import StopAtStep, stop_requests
from distill.training.loss_log import event_writer
from distill.training.precision import bf16_choice

CHECKPOINTS_PER_STAGE = 10
LOGS_PER_STAGE = 50


def steps(training: Training, sentences: int) -> int:
    """Return the number of steps that a training takes over its sentences, as the Trainer counts them."""
    return math.ceil(-(-sentences // training.batch_size) * training.epochs)


def arguments(training: Training, folder: Path, *, sentences: int, seed: int) -> TrainingArguments:
    """Return the Trainer's arguments for one training.

    Args:
        training: hyperparameters from the recipe.
        folder: folder for checkpoints.
        sentences: number of training sentences.
        seed: seed for their order and for dropout.

    Raises:
        InputError: the processes cannot share a batch equally.
    """
    total = max(1, steps(training, sentences))
    return TrainingArguments(
        output_dir=str(folder),
        num_train_epochs=training.epochs,
        learning_rate=training.learning_rate,
        per_device_train_batch_size=processes.batch_share(training.batch_size),
        warmup_steps=round(total * training.warmup),
        weight_decay=training.weight_decay,
        bf16=bf16_choice()[0],
        use_cpu=not torch.cuda.is_available(),
        seed=seed,
        save_strategy="steps",
        save_steps=-(-total // CHECKPOINTS_PER_STAGE),
        save_total_limit=2,
        logging_steps=max(1, total // LOGS_PER_STAGE),
        disable_tqdm=True,
        remove_unused_columns=False,
        report_to=[],
        dataloader_pin_memory=False,
        # A stage trains only the weights that its losses depend on.
        ddp_find_unused_parameters=True,
    )


def fit(trainer: Trainer, title: str, log: Path) -> None:
    """Train to the end, from the last checkpoint if there is one.

    Args:
        trainer: a Trainer whose output_dir is set.
        title: title of the progress bar.
        log: folder for the losses by step.

    Raises:
        KeyboardInterrupt: the user asked to stop; a checkpoint was written first.
        DiskFullError: a checkpoint cannot be written; the earlier ones are still complete.
        InputError: a step's loss or gradients, or the weights, are not finite; or the last checkpoint is broken.
    """
    folder = Path(str(trainer.args.output_dir))
    checkpoint = processes.broadcast_from_main(lambda: checkpoints.last_complete(folder))
    trainer.remove_callback(PrinterCallback)
    progress = _Progress(title)
    with stop_requests() as stop, event_writer(log, checkpoint) as writer:
        for callback in (progress, StopAtStep(stop), *([TensorBoardCallback(writer)] if writer else [])):
            trainer.add_callback(callback)
        try:
            trainer.train(resume_from_checkpoint=checkpoint)
        except SafetensorError as error:
            reason = str(error).strip().splitlines()[0]
            raise InputError(f"{checkpoint}: cannot be read ({reason})", "delete it and run again") from error
        finally:
            progress.close()
    _release(trainer)
    if stop.signal_number is not None:
        signal.raise_signal(stop.signal_number)
        raise KeyboardInterrupt


def _release(trainer: Trainer) -> None:
    """Take the hooks for several processes off the model, which the next stage trains again."""
    if trainer.args.world_size > 1:
        assert trainer.model is not None
        trainer.model_wrapped = trainer.model
        trainer.accelerator.free_memory()
        gc.collect()
    processes.wait()


@dataclass
class _Progress(TrainerCallback):
    """A bar over the steps; a resumed training begins where it left off."""

    title: str
    context: Any = None
    advance: Advance | None = field(default=None)

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_kwargs: Any
    ) -> None:
        self.context = bar(self.title, state.max_steps)
        self.advance = self.context.__enter__()
        self.advance(state.global_step)

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_kwargs: Any
    ) -> None:
        if self.advance:
            self.advance(1)

    def close(self) -> None:
        """Leave the bar as it is, however the training ended."""
        if self.context:
            self.context.__exit__(None, None, None)

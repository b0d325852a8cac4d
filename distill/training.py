"""Training by transformers.Trainer: arguments, order, progress, and where unfinished work is kept."""

import math
import shutil
import signal
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from torch.utils.data import Dataset, Sampler
from transformers import Trainer, TrainerCallback, TrainerControl, TrainerState, TrainingArguments
from transformers.trainer_callback import PrinterCallback

from contract.errors import InputError
from contract.progress import Advance, bar, note
from distill.batches import ByLength, Sentences
from distill.interrupt import StopAtStep, stop_requests
from distill.recipe import Training

CHECKPOINTS_A_STAGE = 10


class SentenceTrainer(Trainer):
    """A Trainer of Sentences, in an order that can be resumed."""

    def _get_train_sampler(self, train_dataset: Dataset[Any] | None = None) -> Sampler[int]:
        sentences = train_dataset or self.train_dataset
        assert isinstance(sentences, Sentences)
        lengths = sentences.tokens.lengths.tolist()
        return ByLength(lengths, self.args.train_batch_size * self.args.gradient_accumulation_steps, self.args.seed)


def bf16_choice() -> tuple[bool, str]:
    """Return whether to train in bfloat16, and why."""
    if torch.cuda.is_available():
        return torch.cuda.is_bf16_supported(), "as the GPU has it"
    # Without the instructions bfloat16 is emulated, and slower than float32.
    if torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported():
        return True, "the processor multiplies bfloat16"
    return False, "the processor does not multiply bfloat16"


def steps(training: Training, sentences: int) -> int:
    """Return how many steps one pass of training takes over so many sentences, as the Trainer counts them."""
    return math.ceil(-(-sentences // training.batch_size) * training.epochs)


def arguments(training: Training, folder: Path, *, sentences: int, seed: int) -> TrainingArguments:
    """Return the Trainer's arguments for one pass of training.

    Args:
        training: the recipe's numbers.
        folder: where checkpoints go.
        sentences: how many there are to train on.
        seed: of order and dropout.
    """
    total = max(1, steps(training, sentences))
    return TrainingArguments(
        output_dir=str(folder),
        num_train_epochs=training.epochs,
        learning_rate=training.learning_rate,
        per_device_train_batch_size=training.batch_size,
        warmup_steps=round(total * training.warmup),
        weight_decay=training.weight_decay,
        bf16=bf16_choice()[0],
        use_cpu=not torch.cuda.is_available(),
        seed=seed,
        save_strategy="steps",
        save_steps=-(-total // CHECKPOINTS_A_STAGE),
        save_total_limit=2,
        logging_steps=max(1, total // 50),
        disable_tqdm=True,
        remove_unused_columns=False,
        report_to=[],
        dataloader_pin_memory=False,
    )


def fit(trainer: Trainer, title: str) -> None:
    """Train to the end, from the last checkpoint if there is one.

    Args:
        trainer: with its output_dir set.
        title: of the progress bar.

    Raises:
        KeyboardInterrupt: the user asked to stop; a checkpoint was written first.
        InputError: a checkpoint cannot be written; those before it stand.
    """
    folder = Path(str(trainer.args.output_dir))
    last_checkpoint = last_whole_checkpoint(folder)
    trainer.remove_callback(PrinterCallback)
    with stop_requests() as stop:
        trainer.add_callback(_Progress(title))
        trainer.add_callback(StopAtStep(stop))
        try:
            trainer.train(resume_from_checkpoint=last_checkpoint)
        except (SafetensorError, RuntimeError) as error:
            if isinstance(error, RuntimeError) and "PytorchStreamWriter" not in str(error):
                raise
            reason = str(error).strip().splitlines()[0]
            raise InputError(
                f"{folder}: a checkpoint cannot be written ({reason})",
                "free some space and run again: it goes on from the last whole one",
            ) from error
    if stop.signal_number is not None:
        signal.raise_signal(stop.signal_number)
        raise KeyboardInterrupt


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

    def on_train_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_kwargs: Any
    ) -> None:
        if self.context:
            self.context.__exit__(None, None, None)


def last_whole_checkpoint(folder: Path) -> str | None:
    """Return the newest checkpoint that was written to its end, and remove those that were not."""
    whole = []
    for checkpoint in folder.glob("checkpoint-*"):
        try:
            # The last file that the Trainer writes of a checkpoint.
            TrainerState.load_from_json(str(checkpoint / "trainer_state.json"))
            whole.append(checkpoint)
        except (OSError, ValueError):
            note(f"{checkpoint}: not written to its end, left out")
            shutil.rmtree(checkpoint)
    newest = max(whole, key=lambda checkpoint: int(checkpoint.name.rpartition("-")[2]), default=None)
    return None if newest is None else str(newest)


def work_folder(folder: Path) -> Path:
    """Return where the checkpoints of an unfinished folder are kept."""
    return folder.parent / f".{folder.name}.work"


def forget(work: Path) -> None:
    """Remove the checkpoints of a folder that is finished."""
    shutil.rmtree(work, ignore_errors=True)

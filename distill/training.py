"""Training by transformers.Trainer: arguments, progress, and a stop that can be resumed from exactly."""

import shutil
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset, Sampler
from transformers import Trainer, TrainerCallback, TrainerControl, TrainerState, TrainingArguments
from transformers.trainer_callback import PrinterCallback
from transformers.trainer_pt_utils import get_length_grouped_indices
from transformers.trainer_utils import get_last_checkpoint

from contract.progress import Advance, bar
from contract.tokens import Tokens
from distill.predict import tensors
from distill.recipe import Training

CHECKPOINTS_A_STAGE = 10


class Sentences(Dataset[dict[str, Any]]):
    """Training sentences, as row numbers."""

    def __init__(self, tokens: Tokens) -> None:
        self.tokens = tokens

    def __len__(self) -> int:
        return len(self.tokens)

    def __getitem__(self, row: int) -> dict[str, Any]:
        return {"row": row}


class ByLength(Sampler[int]):
    """An order of the sentences, new in each epoch, in which neighbours are of like length.

    Drawn from the seed and the epoch alone, so that a training resumed in the middle of an epoch goes on in the same
    order; the Trainer's own sampler draws from the state of the generator, which is another one then.

    Args:
        lengths: tokens of each sentence.
        batch_size: sentences a step.
        seed: of the order.
    """

    def __init__(self, lengths: list[int], batch_size: int, seed: int) -> None:
        self.lengths = lengths
        self.batch_size = batch_size
        self.seed = seed
        self.epoch = 0

    def __len__(self) -> int:
        return len(self.lengths)

    def __iter__(self) -> Iterator[int]:
        generator = torch.Generator().manual_seed(self.seed * 1_000_003 + self.epoch)
        rows = get_length_grouped_indices(self.lengths, self.batch_size, generator=generator)
        return iter(rows)

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch whose order is drawn; the Trainer calls it."""
        self.epoch = epoch


class SentenceTrainer(Trainer):
    """A Trainer of Sentences, in an order that can be resumed."""

    def _get_train_sampler(self, train_dataset: Dataset[Any] | None = None) -> Sampler[int]:
        sentences = train_dataset or self.train_dataset
        assert isinstance(sentences, Sentences)
        lengths = sentences.tokens.lengths.tolist()
        return ByLength(lengths, self.args.train_batch_size * self.args.gradient_accumulation_steps, self.args.seed)


@dataclass(frozen=True, kw_only=True, slots=True)
class Collate:
    """Pad a batch to its longest sentence and add what is known of each row.

    Attributes:
        tokens: all training sentences.
        beside: arrays with a first axis of N, by the name the model takes.
    """

    tokens: Tokens
    beside: dict[str, NDArray[Any]]

    def __call__(self, features: Sequence[dict[str, Any]]) -> dict[str, Tensor]:
        """Return the tensors of one batch."""
        rows = [feature["row"] for feature in features]
        beside = {name: torch.from_numpy(np.asarray(values[rows])) for name, values in self.beside.items()}
        return {**tensors(self.tokens.batch(rows)), **beside}


def bf16_choice() -> tuple[bool, str]:
    """Return whether to train in bfloat16, and why."""
    if torch.cuda.is_available():
        return torch.cuda.is_bf16_supported(), "as the GPU has it"
    # Without the instructions bfloat16 is emulated, and slower than float32.
    if torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported():
        return True, "the processor multiplies bfloat16"
    return False, "the processor does not multiply bfloat16"


def arguments(training: Training, folder: Path, *, sentences: int, seed: int) -> TrainingArguments:
    """Return the Trainer's arguments for one pass of training.

    Args:
        training: the recipe's numbers.
        folder: where checkpoints go.
        sentences: how many there are to train on.
        seed: of order and dropout.
    """
    steps = max(1, round(-(-sentences // training.batch_size) * training.epochs))
    return TrainingArguments(
        output_dir=str(folder),
        num_train_epochs=training.epochs,
        learning_rate=training.learning_rate,
        per_device_train_batch_size=training.batch_size,
        warmup_steps=round(steps * training.warmup),
        weight_decay=training.weight_decay,
        bf16=bf16_choice()[0],
        use_cpu=not torch.cuda.is_available(),
        seed=seed,
        save_strategy="steps",
        save_steps=-(-steps // CHECKPOINTS_A_STAGE),
        save_total_limit=2,
        logging_steps=max(1, steps // 50),
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
    """
    folder = Path(str(trainer.args.output_dir))
    last_checkpoint = get_last_checkpoint(str(folder)) if folder.is_dir() else None
    trainer.remove_callback(PrinterCallback)
    with _stop_requests() as stop:
        trainer.add_callback(_Progress(title))
        trainer.add_callback(_StopAtStep(stop))
        trainer.train(resume_from_checkpoint=last_checkpoint)
    if stop.signal_number is not None:
        signal.raise_signal(stop.signal_number)
        raise KeyboardInterrupt


@dataclass(slots=True)
class _Stop:
    signal_number: int | None = None


@contextmanager
def _stop_requests() -> Iterator[_Stop]:
    """Note the first SIGINT or SIGTERM instead of dying of it; a second one takes effect at once."""
    stop = _Stop()
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
class _StopAtStep(TrainerCallback):
    """Save and stop at the end of the step in which the user asked to stop."""

    stop: _Stop

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_kwargs: Any
    ) -> TrainerControl:
        if self.stop.signal_number is not None:
            control.should_save = True
            control.should_training_stop = True
        return control


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


def work_folder(folder: Path) -> Path:
    """Return where the checkpoints of an unfinished folder are kept."""
    return folder.parent / f".{folder.name}.work"


def forget(work: Path) -> None:
    """Remove the checkpoints of a folder that is finished."""
    shutil.rmtree(work, ignore_errors=True)

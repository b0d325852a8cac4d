"""Training by transformers.Trainer: arguments, order, progress, and where unfinished work is kept."""

import gc
import math
import os
import shutil
import signal
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from accelerate.data_loader import BatchSamplerShard
from safetensors import SafetensorError
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, Sampler
from transformers import Trainer, TrainerCallback, TrainerControl, TrainerState, TrainingArguments
from transformers.integrations.integration_utils import TensorBoardCallback
from transformers.trainer_callback import PrinterCallback

from contract.disk import DiskFullError, more_space
from contract.errors import InputError
from contract.progress import Advance, bar, note
from distill.recipe.training import Training
from distill.training import processes
from distill.training.batches import ByLength, Sentences
from distill.training.finite import Finite
from distill.training.interrupt import StopAtStep, stop_requests
from distill.training.processes import SHARE, Share
from distill.training.record import Terms, recording

CHECKPOINTS_A_STAGE = 10
# 1 or 0 in the environment, so that it reaches all processes of a training: bfloat16 or not, whatever is faster here.
BF16 = "TINYBERT_BF16"


class SentenceTrainer(Trainer):
    """A Trainer of Sentences, in an order that can be resumed, by one process or several, that takes finite steps only.

    Args:
        training: the recipe's numbers.
        what: is trained, for messages.
        kwargs: as for Trainer.
    """

    def __init__(self, *, training: Training, what: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.finite = Finite(not_finite=training.not_finite, what=what)
        self.losses = Terms()
        self._loss = torch.zeros(())
        if self.args.world_size > 1:
            # The mean over the batch is made by compute_loss, in all processes together.
            self.model_accepts_loss_kwargs = False
            self.data_collator = self._share()

    def _share(self) -> Share:
        assert self.data_collator is not None
        return Share(
            collate=self.data_collator,
            lengths=self._sentences().tokens.lengths.tolist(),
            process=self.args.process_index,
            processes=self.args.world_size,
        )

    def _sentences(self) -> Sentences:
        assert isinstance(self.train_dataset, Sentences)
        return self.train_dataset

    @property
    def _batch_size(self) -> int:
        """Sentences that all processes together take at once."""
        share: int = self.args.train_batch_size
        return share * int(self.args.world_size)

    def _get_train_sampler(self, train_dataset: Dataset[Any] | None = None) -> Sampler[int]:
        lengths = self._sentences().tokens.lengths.tolist()
        return ByLength(lengths, self._batch_size * self.args.gradient_accumulation_steps, self.args.seed)

    def get_train_dataloader(self) -> DataLoader[Any]:
        """Return the batches; of several processes each draws all of every batch, and collates its share."""
        loader = self._get_dataloader(
            dataset=self._sentences(),
            description="Training",
            batch_size=self._batch_size,
            sampler_fn=self._get_train_sampler,
            is_training=True,
        )
        shard = loader.batch_sampler
        if isinstance(shard, BatchSamplerShard):
            shard.num_processes, shard.process_index, shard.even_batches = 1, 0, False
            # Where accelerate looks for set_epoch, also in a training that is resumed.
            shard.sampler = shard.batch_sampler.sampler
        return loader

    def compute_loss(
        self,
        model: nn.Module,
        inputs: dict[str, Tensor | Any],
        return_outputs: bool = False,
        num_items_in_batch: Tensor | int | None = None,
    ) -> Any:
        """Return the loss of this process such that the mean over processes is the loss of the batch."""
        share = inputs.pop(SHARE, None)
        found = super().compute_loss(model, inputs, return_outputs, num_items_in_batch)
        if share is None:
            return found
        sentences = processes.COUNTED.index("sentences")
        return (found[0] * share[sentences], found[1]) if return_outputs else found * share[sentences]

    def training_step(self, *args: Any, **kwargs: Any) -> Tensor:
        """Run forward and backward, and keep the loss until the step is judged."""
        loss = super().training_step(*args, **kwargs)
        self._loss = self._loss.to(loss.device) + loss
        return loss

    def _clip_grad_norm(self, model: nn.Module) -> Tensor:
        """Clip, and take the gradients away where loss or norm is not finite: then the optimiser changes nothing."""
        norm: Tensor = super()._clip_grad_norm(model)  # type: ignore[no-untyped-call]
        loss, self._loss = self._loss, torch.zeros(())
        taken = processes.all_processes(bool(torch.isfinite(loss) & torch.isfinite(norm)))
        self.losses.step(taken=taken)
        if taken:
            self.finite.passed()
        else:
            step = f"step {self.state.global_step + 1} of {self.state.max_steps}"
            self.finite.failed(step, f"the loss is {loss.item():.3g} and the norm of its gradients {norm.item():.3g}")
            model.zero_grad(set_to_none=True)
        return norm

    def _save_checkpoint(self, model: nn.Module, trial: Any) -> None:
        assert self.model is not None
        self.finite.check_weights(self.model, f"after step {self.state.global_step} of {self.state.max_steps}")
        try:
            super()._save_checkpoint(model, trial)
        except (OSError, RuntimeError, SafetensorError) as error:
            reason = str(error).strip().splitlines()[0]
            cure = more_space(Path(str(self.args.output_dir))) or "see why, perhaps to a limit of file sizes"
            raise DiskFullError(
                f"{self.args.output_dir}: a checkpoint cannot be written ({reason})",
                f"{cure}, and run again: it goes on from the last whole one",
            ) from error

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Log each loss by name beside their sum."""
        if "loss" in logs:
            means = self.losses.drain()
            if means and self.args.world_size > 1:
                means = self.accelerator.reduce(means, "mean")
            logs.update({name: value.item() for name, value in means.items()})
        super().log(logs, start_time)


def bf16_choice() -> tuple[bool, str]:
    """Return whether to train in bfloat16, and why.

    Raises:
        InputError: TINYBERT_BF16 is set to something else than 0 or 1.
    """
    asked = os.environ.get(BF16, "")
    if asked not in ("", "0", "1"):
        raise InputError(f"{BF16}={asked} is neither 0 nor 1", "give one of these, or leave it unset")
    if asked:
        return asked == "1", f"{BF16}={asked} asks for it"
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

    Raises:
        InputError: several processes cannot share a batch equally.
    """
    total = max(1, steps(training, sentences))
    share = processes.share_of(training.batch_size)
    return TrainingArguments(
        output_dir=str(folder),
        num_train_epochs=training.epochs,
        learning_rate=training.learning_rate,
        per_device_train_batch_size=share,
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
        # A stage trains what its losses look at.
        ddp_find_unused_parameters=True,
    )


def fit(trainer: Trainer, title: str, record: Path) -> None:
    """Train to the end, from the last checkpoint if there is one.

    Args:
        trainer: with its output_dir set.
        title: of the progress bar.
        record: folder of the losses by step.

    Raises:
        KeyboardInterrupt: the user asked to stop; a checkpoint was written first.
        DiskFullError: a checkpoint cannot be written; those before it stand.
        InputError: a step is not finite, the same; or the last checkpoint is broken.
    """
    folder = Path(str(trainer.args.output_dir))
    last_checkpoint = processes.broadcast_from_main(lambda: last_whole_checkpoint(folder))
    trainer.remove_callback(PrinterCallback)
    progress = _Progress(title)
    with stop_requests() as stop, recording(record, last_checkpoint) as writer:
        for callback in (progress, StopAtStep(stop), *([TensorBoardCallback(writer)] if writer else [])):
            trainer.add_callback(callback)
        try:
            trainer.train(resume_from_checkpoint=last_checkpoint)
        except SafetensorError as error:
            reason = str(error).strip().splitlines()[0]
            raise InputError(f"{last_checkpoint}: cannot be read ({reason})", "delete it and run again") from error
        finally:
            progress.close()
    _leave(trainer)
    if stop.signal_number is not None:
        signal.raise_signal(stop.signal_number)
        raise KeyboardInterrupt


def _leave(trainer: Trainer) -> None:
    """Take the hooks of several processes off the model, which is trained again in the next stage."""
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
        """Leave the bar as it stands, however the training ended."""
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

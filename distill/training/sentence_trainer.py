"""A transformers.Trainer that resumes within an epoch, shares batches among processes and takes finite steps only."""

from pathlib import Path
from typing import Any

import torch
from accelerate.data_loader import BatchSamplerShard
from safetensors import SafetensorError
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, Sampler
from transformers import Trainer

from contract.disk import DiskFullError, more_space
from distill.recipe.training import Training
from distill.training import processes
from distill.training.batches import ByLength, Sentences
from distill.training.loss_log import LossMeans
from distill.training.not_finite import NotFinitePolicy
from distill.training.processes import SHARE, CollateShare


class SentenceTrainer(Trainer):
    """A Trainer of Sentences.

    Args:
        training: hyperparameters from the recipe.
        what: what is trained, for messages.
        kwargs: as for Trainer.
    """

    def __init__(self, *, training: Training, what: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.not_finite = NotFinitePolicy(action=training.not_finite, what=what)
        self.losses = LossMeans()
        self._loss = torch.zeros(())
        if self.args.world_size > 1:
            # compute_loss makes the mean over the batch, in all processes together.
            self.model_accepts_loss_kwargs = False
            self.data_collator = self._collate_share()

    def _collate_share(self) -> CollateShare:
        assert self.data_collator is not None
        return CollateShare(
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
        """Return the batches; with several processes, each draws every whole batch and collates its share."""
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
        """Return the loss of this process, scaled so that the mean over processes is the loss of the batch."""
        share = inputs.pop(SHARE, None)
        computed = super().compute_loss(model, inputs, return_outputs, num_items_in_batch)
        if share is None:
            return computed
        factor = share[processes.COUNTED.index("sentences")]
        return (computed[0] * factor, computed[1]) if return_outputs else computed * factor

    def training_step(self, *args: Any, **kwargs: Any) -> Tensor:
        """Run forward and backward, and keep the loss until `_clip_grad_norm` decides about the step."""
        loss = super().training_step(*args, **kwargs)
        self._loss = self._loss.to(loss.device) + loss
        return loss

    def _clip_grad_norm(self, model: nn.Module) -> Tensor:
        """Clip the gradients, or drop them if loss or norm is not finite: then the optimiser changes nothing."""
        norm: Tensor = super()._clip_grad_norm(model)  # type: ignore[no-untyped-call]
        loss, self._loss = self._loss, torch.zeros(())
        finite = processes.all_processes(bool(torch.isfinite(loss) & torch.isfinite(norm)))
        self.losses.end_step(taken=finite)
        if finite:
            self.not_finite.step_taken()
        else:
            step = f"step {self.state.global_step + 1} of {self.state.max_steps}"
            reason = f"the loss is {loss.item():.3g} and the gradient norm {norm.item():.3g}"
            self.not_finite.step_failed(step, reason)
            model.zero_grad(set_to_none=True)
        return norm

    def _save_checkpoint(self, model: nn.Module, trial: Any) -> None:
        assert self.model is not None
        self.not_finite.check_weights(self.model, f"after step {self.state.global_step} of {self.state.max_steps}")
        try:
            super()._save_checkpoint(model, trial)
        except (OSError, RuntimeError, SafetensorError) as error:
            reason = str(error).strip().splitlines()[0]
            cure = more_space(Path(str(self.args.output_dir))) or "check permissions and file size limits"
            raise DiskFullError(
                f"{self.args.output_dir}: a checkpoint cannot be written ({reason})",
                f"{cure}, and run again: training resumes from the last complete checkpoint",
            ) from error

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Log each loss by name along with their sum."""
        if "loss" in logs:
            means = self.losses.pop()
            if means and self.args.world_size > 1:
                means = self.accelerator.reduce(means, "mean")
            logs.update({name: value.item() for name, value in means.items()})
        super().log(logs, start_time)

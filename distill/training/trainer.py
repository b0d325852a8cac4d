"""The distillation of one stage: a transformers.Trainer whose loss compares the student with its teacher."""

from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from contract.errors import InputError
from contract.progress import note
from distill.model.capture import Captured
from distill.model.dropout import dropout
from distill.recipe.stage import Stage
from distill.slim import pooled_times
from distill.training import logit_losses
from distill.training.batches import Sentences
from distill.training.forward import Forward, Inputs, LiveTeacher, ProjectedStudent, in_float32, without_padding
from distill.training.heads import HEAD, Head
from distill.training.layer_losses import LAYER_LOSSES, LossInputs
from distill.training.processes import COUNTED, SHARE
from distill.training.sentence_trainer import SentenceTrainer

# A copied student differs from its teacher only through dropout, so without it a loss would be 0.
PREFLIGHT_DROPOUT = 0.1
MODEL_INPUTS = ("input_ids", "attention_mask", "token_type_ids")
# Keys of a batch: the teacher's logits, one row per row of the student's logits like `labels`, ...
TEACHER_LOGITS = "teacher_logits"
BY_ROW = (TEACHER_LOGITS, "labels")
# ... and the prefix of its states, before their names.
TEACHER_STATE = "teacher."
# What a loss is the mean over, if not tokens; a model that answers for each token has tokens in place of sentences.
MEAN_OVER = {"attention": "pairs", "prediction": "sentences", "labels": "sentences"}


class DistillationTrainer(SentenceTrainer):
    """Trains a ProjectedStudent to match a teacher.

    Args:
        teacher: the teacher; None if the batches bring all that the stage needs of it.
        teacher_heads: number of attention heads of the teacher.
        stage: stage with the weights of the losses.
        heads: heads of the student, one per task.
        of_tokens: the student answers for each token instead of a whole text.
        kwargs: as for Trainer; the collator must give `labels` if they are learned, `teacher_logits` and `teacher.`
            states if there is no teacher, and `head` if there are several heads.
    """

    def __init__(
        self,
        *,
        teacher: LiveTeacher | None,
        teacher_heads: int,
        stage: Stage,
        heads: tuple[Head, ...] = (),
        of_tokens: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(training=stage, what=f"stage {stage.name!r}", **kwargs)
        # The Trainer must not take the loss for the model's, which it would scale by the number of items.
        self.model_accepts_loss_kwargs = False
        self.teacher = teacher
        self.teacher_heads = teacher_heads
        self.stage = stage
        assert isinstance(self.model, ProjectedStudent)
        self.pooled_times = partial(pooled_times, self.model.student.config)
        self.heads = heads
        self.of_tokens = of_tokens

    def compute_loss(
        self,
        model: nn.Module,
        inputs: dict[str, Tensor | Any],
        return_outputs: bool = False,
        num_items_in_batch: Tensor | int | None = None,
    ) -> Tensor | tuple[Tensor, Any]:
        """Return the weighted sum of the stage's losses on one batch."""
        share = inputs.pop(SHARE, None)
        terms = self.terms(model, inputs)
        if share is not None:
            terms = {name: term * share[COUNTED.index(self._mean_over(name))] for name, term in terms.items()}
        self.losses.add(terms)
        weights = self.stage.losses.model_dump()
        loss = torch.stack([weights[name] * term for name, term in terms.items()]).sum()
        return (loss, terms) if return_outputs else loss

    def _mean_over(self, loss: str) -> str:
        unit = MEAN_OVER.get(loss, "tokens")
        return "tokens" if unit == "sentences" and self.of_tokens else unit

    def terms(self, model: nn.Module, inputs: Inputs) -> dict[str, Tensor]:
        """Return the losses whose weight is not 0, by name.

        Args:
            model: the ProjectedStudent, wrapped or not.
            inputs: a batch, with the teacher's logits and states if they are cached.
        """
        model_inputs = {name: inputs[name] for name in MODEL_INPUTS}
        by_row = {name: without_padding(inputs[name], inputs["attention_mask"]) for name in BY_ROW if name in inputs}
        teacher_logits_RC, states = by_row.get(TEACHER_LOGITS), _cached_states(inputs)
        if self.teacher is not None:
            live = self.teacher.run(model_inputs, bf16=self.args.bf16)
            states = live.captured.states
            teacher_logits_RC = live.logits_RC if teacher_logits_RC is None else teacher_logits_RC

        def compute(student: Forward) -> dict[str, Tensor]:
            compared = LossInputs(
                student=student.captured,
                teacher=Captured(heads=self.teacher_heads, states=states),
                projections=self.accelerator.unwrap_model(model).projections,
                mask_BL=inputs["attention_mask"],
                relation_heads=self.stage.relation_heads,
                pooled_times=self.pooled_times,
            )
            weights, heads_B = self.stage.losses, inputs.get(HEAD)
            terms = {name: loss(compared) for name, loss in LAYER_LOSSES.items() if getattr(weights, name)}
            if weights.prediction:
                assert teacher_logits_RC is not None
                terms["prediction"] = logit_losses.prediction(
                    self.stage, self.heads, heads_B, student.logits_RC, teacher_logits_RC
                )
            if weights.labels:
                terms["labels"] = logit_losses.labels(self.heads, heads_B, student.logits_RC, by_row["labels"])
            return terms

        terms: dict[str, Tensor] = model(compute, **model_inputs)
        return terms

    def preflight(self) -> None:
        """Compute each loss of the stage on a first batch, before any time is spent on training.

        Raises:
            InputError: a loss is not finite, is zero, or does not depend on the student.
        """
        assert isinstance(self.model, ProjectedStudent)
        assert isinstance(self.train_dataset, Sentences)
        assert self.data_collator is not None
        rows = range(min(len(self.train_dataset), self.args.train_batch_size))
        batch = self._prepare_inputs(self.data_collator([self.train_dataset[row] for row in rows]))
        device = self.args.device
        model = self.model.to(torch.device(device)).train()
        with (
            torch.random.fork_rng(),
            torch.autocast(device.type, torch.bfloat16, enabled=self.args.bf16),
            dropout(model, PREFLIGHT_DROPOUT),
        ):
            terms = self.terms(model, batch)
        values = {name: term.item() for name, term in terms.items()}
        listed = ", ".join(f"{name} {value:.3g}" for name, value in values.items())
        note(f"losses of stage {self.stage.name!r} before training: {listed}")
        for name, term in terms.items():
            if not torch.isfinite(term) or not term.requires_grad or values[name] == 0:
                raise InputError(
                    f"stage {self.stage.name!r}: the {name} loss is {values[name]:.3g} and cannot be learned from",
                    "set its weight to 0, or check the teacher's outputs",
                )


def _cached_states(inputs: Inputs) -> Inputs:
    """Return the teacher's states in a batch, which the cache stores in half precision."""
    return in_float32(
        {name.removeprefix(TEACHER_STATE): value for name, value in inputs.items() if name.startswith(TEACHER_STATE)}
    )

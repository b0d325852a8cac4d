"""The distillation of one stage: a transformers.Trainer whose loss compares the student with its teacher."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from contract.errors import InputError
from contract.progress import note
from distill import losses
from distill.batches import Sentences
from distill.capture import Captured, capturing
from distill.compare import INSIDE, Projections
from distill.recipe import Stage
from distill.training import SentenceTrainer

Inputs = dict[str, Tensor]


@dataclass(frozen=True, kw_only=True, slots=True)
class Seen:
    """What one model showed in a forward pass: its logits and its inside."""

    logits_BC: Tensor
    inside: Captured


class Pupil(nn.Module):
    """The student with the projections it needs to be compared with a wider or narrower teacher.

    Args:
        student: a BERT-like classifier.
        teacher_width: of its hidden states.
        layers: the teacher layer each student layer learns from.
    """

    def __init__(self, student: PreTrainedModel, teacher_width: int, layers: Sequence[int]) -> None:
        super().__init__()
        self.student = student
        self.projections = Projections(student.config.hidden_size, teacher_width, layers)

    def forward(self, **inputs: Tensor) -> Seen:
        """Run the student and return its logits and its inside."""
        return look(self.student, range(len(self.projections.layers)), inputs)


def look(model: PreTrainedModel, layers: Sequence[int], inputs: Inputs) -> Seen:
    """Run a model and keep what its embedding and these layers showed."""
    with capturing(model, layers) as inside:
        logits_BC = model(**inputs).logits
    return Seen(logits_BC=logits_BC, inside=inside)


class DistillationTrainer(SentenceTrainer):
    """Trains a Pupil against a teacher.

    Args:
        teacher: in evaluation mode; not run at all by a stage that needs its logits only.
        stage: weights of the losses.
        kwargs: as for Trainer; the collator must give `labels`, and `teacher_logits` for such a stage.
    """

    def __init__(self, *, teacher: PreTrainedModel, stage: Stage, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        # The Trainer must not count the loss as the model's own, which would be scaled by items.
        self.model_accepts_loss_kwargs = False
        self.teacher = teacher.eval().requires_grad_(False)
        self.stage = stage

    def compute_loss(
        self,
        model: nn.Module,
        inputs: dict[str, Tensor | Any],
        return_outputs: bool = False,
        num_items_in_batch: Tensor | int | None = None,
    ) -> Tensor | tuple[Tensor, Any]:
        """Return the weighted sum of the stage's losses on one batch."""
        terms, student = self.terms(model, inputs)
        weights = self.stage.losses.model_dump()
        loss = torch.stack([weights[name] * term for name, term in terms.items()]).sum()
        return (loss, student.logits_BC) if return_outputs else loss

    def terms(self, model: nn.Module, inputs: Inputs) -> tuple[dict[str, Tensor], Seen]:
        """Return the losses whose weight is not 0, by name, and what the student showed.

        Args:
            model: the Pupil, wrapped or not.
            inputs: a batch with `labels` (B,), and `teacher_logits` (B, C) for a stage that needs no more of it.
        """
        inputs = dict(inputs)
        labels_B = inputs.pop("labels")
        teacher_logits_BC = inputs.pop("teacher_logits", None)
        student = model(**inputs)
        weights = self.stage.losses
        terms: dict[str, Tensor] = {}
        if teacher_logits_BC is None:
            projections = self.accelerator.unwrap_model(model).projections
            teacher = self._teach(projections.layers, inputs)
            teacher_logits_BC = teacher.logits_BC
            for name, compare in INSIDE.items():
                if getattr(weights, name):
                    mask_BL = inputs["attention_mask"]
                    terms[name] = compare(student.inside, teacher.inside, projections, mask_BL, self.stage)
        regression = self.teacher.config.problem_type == "regression"
        if weights.prediction and regression:
            terms["prediction"] = losses.squared_error(student.logits_BC, teacher_logits_BC)
        elif weights.prediction:
            terms["prediction"] = losses.prediction(student.logits_BC, teacher_logits_BC, self.stage.temperature)
        if weights.labels and regression:
            terms["labels"] = losses.squared_error(student.logits_BC, labels_B[:, None])
        elif weights.labels:
            terms["labels"] = losses.labels(student.logits_BC, labels_B)
        return terms, student

    def preflight(self) -> None:
        """Compute each loss of the stage on a first batch, before anything is spent on training.

        Raises:
            InputError: one of them is not finite, or does not depend on the student.
        """
        assert isinstance(self.model, Pupil)
        assert isinstance(self.train_dataset, Sentences)
        assert self.data_collator is not None
        rows = range(min(len(self.train_dataset), self.args.train_batch_size))
        batch = self._prepare_inputs(self.data_collator([self.train_dataset[row] for row in rows]))
        device = self.args.device
        model = self.model.to(
            torch.device(device)
        ).train()  # with dropout, so that a student copied from its teacher differs from it
        with torch.random.fork_rng(), torch.autocast(device.type, torch.bfloat16, enabled=self.args.bf16):
            terms, _ = self.terms(model, batch)
        values = {name: term.item() for name, term in terms.items()}
        note(
            f"losses of stage {self.stage.name!r} before training: "
            + ", ".join(f"{k} {v:.3g}" for k, v in values.items())
        )
        for name, term in terms.items():
            if not torch.isfinite(term) or not term.requires_grad:
                raise InputError(
                    f"stage {self.stage.name!r}: the {name} loss is {values[name]:.3g} and cannot be learned from",
                    "set its weight to 0, or look at the teacher's outputs",
                )

    def _teach(self, layers: Sequence[int], inputs: Inputs) -> Seen:
        device = inputs["input_ids"].device
        self.teacher.to(device)
        with torch.no_grad(), torch.autocast(device.type, torch.bfloat16, enabled=self.args.bf16):
            return look(self.teacher, layers, inputs)

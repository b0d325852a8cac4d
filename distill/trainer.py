"""The distillation of one stage: a transformers.Trainer whose loss compares the student with its teacher."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from contract.errors import InputError
from distill import losses
from distill.capture import Captured, capturing
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

    def __init__(self, student: PreTrainedModel, teacher_width: int, layers: tuple[int, ...]) -> None:
        super().__init__()
        self.student = student
        self.layers = layers
        width = student.config.hidden_size
        same = width == teacher_width
        # TinyBERT, section 3.1: W_h and W_e; of one width the states are compared as they are.
        self.embedding_projection = nn.Identity() if same else nn.Linear(width, teacher_width, bias=False)
        self.hidden_projections = nn.ModuleList(
            nn.Identity() if same else nn.Linear(width, teacher_width, bias=False) for _ in layers
        )

    def forward(self, **inputs: Tensor) -> Seen:
        """Run the student and return its logits and its inside."""
        return look(self.student, range(len(self.layers)), inputs)


def look(model: PreTrainedModel, layers: range | tuple[int, ...], inputs: Inputs) -> Seen:
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
        inputs = dict(inputs)
        labels_B = inputs.pop("labels")
        teacher_logits_BC = inputs.pop("teacher_logits", None)
        student = model(**inputs)
        pupil = self.accelerator.unwrap_model(model)
        teacher = None if teacher_logits_BC is not None else self._teach(pupil.layers, inputs)
        terms = self._terms(pupil, student, teacher, teacher_logits_BC, labels_B, inputs["attention_mask"])
        weights = self.stage.losses.model_dump()
        loss = torch.stack([weights[name] * term for name, term in terms.items()]).sum()
        return (loss, student.logits_BC) if return_outputs else loss

    def _teach(self, layers: tuple[int, ...], inputs: Inputs) -> Seen:
        device = inputs["input_ids"].device
        self.teacher.to(device)
        with torch.no_grad(), torch.autocast(device.type, torch.bfloat16, enabled=self.args.bf16):
            return look(self.teacher, layers, inputs)

    def _terms(
        self,
        pupil: Pupil,
        student: Seen,
        teacher: Seen | None,
        teacher_logits_BC: Tensor | None,
        labels_B: Tensor,
        mask_BL: Tensor,
    ) -> Mapping[str, Tensor]:
        """Return the losses whose weight is not 0, by name."""
        weights = self.stage.losses
        terms: dict[str, Tensor] = {}
        if teacher is not None:
            terms |= inside_terms(pupil, student.inside, teacher.inside, self.teacher.config, mask_BL, weights)
            teacher_logits_BC = teacher.logits_BC
        if weights.prediction and teacher_logits_BC is not None:
            terms["prediction"] = losses.prediction(student.logits_BC, teacher_logits_BC, self.stage.temperature)
        if weights.labels:
            terms["labels"] = losses.labels(student.logits_BC, labels_B)
        return terms


def needs_inside(stage: Stage) -> bool:
    """Tell whether a stage looks inside the teacher, so that cached logits do not do."""
    weights = stage.losses
    return bool(weights.embedding or weights.hidden or weights.attention)


def check_heads(student: PreTrainedModel, teacher: PreTrainedModel, stage: Stage) -> None:
    """Check that attention scores can be compared head by head.

    Raises:
        InputError: the two have different numbers of heads.
    """
    student_heads, teacher_heads = student.config.num_attention_heads, teacher.config.num_attention_heads
    if stage.losses.attention and student_heads != teacher_heads:
        raise InputError(
            f"stage {stage.name!r}: the attention loss needs equal heads, the student has {student_heads} and the "
            f"teacher {teacher_heads}",
            "set its weight to 0, or choose a student with the teacher's heads",
        )


def inside_terms(
    pupil: Pupil, student: Captured, teacher: Captured, teacher_config: Any, mask_BL: Tensor, weights: Any
) -> dict[str, Tensor]:
    """Return the transformer-layer losses whose weight is not 0, each the mean over the matched layers."""
    terms: dict[str, Tensor] = {}
    matched = tuple(enumerate(pupil.layers))
    if weights.embedding:
        assert student.embedding_BLD is not None
        assert teacher.embedding_BLD is not None
        projected_BLD = pupil.embedding_projection(student.embedding_BLD)
        terms["embedding"] = losses.hidden_states(projected_BLD, teacher.embedding_BLD, mask_BL)
    if weights.hidden:
        of_layers = [
            losses.hidden_states(
                pupil.hidden_projections[own](student.hidden_BLD[own]), teacher.hidden_BLD[theirs], mask_BL
            )
            for own, theirs in matched
        ]
        terms["hidden"] = torch.stack(of_layers).mean()
    if weights.attention:
        heads = teacher_config.num_attention_heads
        of_layers = [
            losses.attention_scores(
                losses.scores_of(student.query_BLD[own], student.key_BLD[own], heads),
                losses.scores_of(teacher.query_BLD[theirs], teacher.key_BLD[theirs], heads),
                mask_BL,
            )
            for own, theirs in matched
        ]
        terms["attention"] = torch.stack(of_layers).mean()
    return terms

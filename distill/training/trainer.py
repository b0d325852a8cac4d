"""The distillation of one stage: a transformers.Trainer whose loss compares the student with its teacher."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from contract.errors import InputError
from contract.progress import note
from distill import losses
from distill.model.capture import Captured, capturing
from distill.model.dropout import dropout
from distill.recipe.stage import Stage
from distill.slim import pooled_times
from distill.student.layer_map import LayerMap
from distill.training.batches import Sentences
from distill.training.compare import LAYER_LOSSES, LossInputs, Projections
from distill.training.heads import HEAD, Head, Rows, mean_by_head
from distill.training.processes import COUNTED, SHARE
from distill.training.training import SentenceTrainer

Inputs = dict[str, Tensor]
Judged = TypeVar("Judged")
# A student copied from its teacher differs from it only by what is dropped.
PREFLIGHT_DROPOUT = 0.1
TEACHER_LOGITS = "teacher_logits"
# What a batch brings for each row of logits.
BY_ROW = (TEACHER_LOGITS, "labels")
# What a batch brings of the teacher's states: this, and the name of the state.
TEACHER_STATE = "teacher."
# What a loss is the mean over, where that is not tokens; answers may be of each token.
MEAN_OVER = {"attention": "pairs", "prediction": "sentences", "labels": "sentences"}
PREDICTION: dict[str, Callable[[Tensor, Tensor, float], Tensor]] = {
    "soft_cross_entropy": losses.prediction,
    "divergence": losses.divergence,
    "squared_error": lambda student_BC, teacher_BC, _temperature: losses.squared_error(student_BC, teacher_BC),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Seen:
    """What one model showed in a forward pass, in float32 whatever it was computed in.

    Attributes:
        logits_RC: a row for each sentence, or for each token where the model answers for each.
        inside: its states.
    """

    logits_RC: Tensor
    inside: Captured


class ProjectedStudent(nn.Module):
    """The student with the projections it needs to be compared with a wider or narrower teacher.

    Args:
        student: a BERT-like classifier.
        teacher_width: of its hidden states.
        pairs: which of its layers learns from which of the teacher's.

    Attributes:
        watched: names of the states it shows.
    """

    def __init__(self, student: PreTrainedModel, teacher_width: int, pairs: LayerMap) -> None:
        super().__init__()
        self.student = student
        self.projections = Projections(student.config.hidden_size, teacher_width, pairs)
        self.watched: tuple[str, ...] = ()

    def forward(self, judge: Callable[[Seen], Judged], **inputs: Tensor) -> Judged:
        """Run the student and return what is made of what it showed.

        Args:
            judge: run in here, in full precision, as DistributedDataParallel must see which weights a loss is made of.
            inputs: a batch.
        """
        seen = look(self.student, self.watched, inputs)
        with torch.autocast(seen.logits_RC.device.type, enabled=False):
            return judge(seen)


def look(model: PreTrainedModel, names: tuple[str, ...], inputs: Inputs) -> Seen:
    """Run a model and keep some of its states.

    They leave autocast here, to meet projections and losses in full precision. Which of them are in bfloat16 depends on
    the model and the device: the output of a linear layer always, of a normalisation of that on a CPU alone.
    """
    with capturing(model, names) as inside:
        logits = model(**inputs).logits
    return Seen(
        logits_RC=_rows(logits, inputs["attention_mask"]).float(),
        inside=Captured(heads=inside.heads, states=_in_full(inside.states)),
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class LiveTeacher:
    """A teacher that runs over every batch.

    Attributes:
        model: in evaluation mode.
        names: the states it is to show.
        ids_R: its token id of each token id of the student.
    """

    model: PreTrainedModel
    names: tuple[str, ...]
    ids_R: Tensor

    def teach(self, inputs: Inputs, *, bf16: bool) -> Seen:
        """Return what the teacher shows of a batch of the student's inputs."""
        device = inputs["input_ids"].device
        # The type of transformers' own wrapper of this method knows no device.
        nn.Module.to(self.model, device)
        own = {**inputs, "input_ids": self.ids_R.to(device)[inputs["input_ids"]]}
        with torch.no_grad(), torch.autocast(device.type, torch.bfloat16, enabled=bf16):
            return look(self.model, self.names, own)


class DistillationTrainer(SentenceTrainer):
    """Trains a ProjectedStudent against a teacher.

    Args:
        teacher: None where the batches bring all that the stage needs of it.
        teacher_heads: attention heads of the teacher.
        stage: weights of the losses.
        heads: the student's outputs, by task.
        of_tokens: it answers for each token, and not for a whole text.
        kwargs: as for Trainer; the collator must give `labels` where they are learned, `teacher_logits` and
            `teacher.` states where there is no teacher, and `head` where there are several.
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
        # The Trainer must not count the loss as the model's own, which would be scaled by items.
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
        self.losses.note(terms)
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
            inputs: a batch with what the teacher has to say of it, where that is known beforehand.
        """
        own, brought = _part(inputs)
        states = _states(brought)
        beside = {name: _rows(value, own["attention_mask"]) for name, value in brought.items() if name in BY_ROW}
        teacher_logits_RC = beside.pop(TEACHER_LOGITS, None)
        if self.teacher is not None:
            live = self.teacher.teach(own, bf16=self.args.bf16)
            states = live.inside.states
            teacher_logits_RC = live.logits_RC if teacher_logits_RC is None else teacher_logits_RC

        def judge(student: Seen) -> dict[str, Tensor]:
            sight = LossInputs(
                student=student.inside,
                teacher=Captured(heads=self.teacher_heads, states=states),
                projections=self.accelerator.unwrap_model(model).projections,
                mask_BL=own["attention_mask"],
                relation_heads=self.stage.relation_heads,
                pooled_times=self.pooled_times,
            )
            weights = self.stage.losses
            terms = {name: compare(sight) for name, compare in LAYER_LOSSES.items() if getattr(weights, name)}
            if weights.prediction:
                assert teacher_logits_RC is not None
                terms["prediction"] = self._predict(student.logits_RC, teacher_logits_RC, brought.get(HEAD))
            if weights.labels:
                terms["labels"] = self._answer(student.logits_RC, beside["labels"], brought.get(HEAD))
            return terms

        found: dict[str, Tensor] = model(judge, **own)
        return found

    def _predict(self, student_RC: Tensor, teacher_RC: Tensor, heads_B: Tensor | None) -> Tensor:
        """Compare the logits of both; scores of a regression have no classes and no temperature."""

        def loss(head: Head, rows: Rows) -> Tensor:
            own, theirs = head.of(student_RC[rows]), head.of(teacher_RC[rows])
            if head.is_score:
                return losses.squared_error(own, theirs)
            return PREDICTION[self.stage.prediction_loss](own, theirs, self.stage.temperature)

        return mean_by_head(self.heads, heads_B, loss)

    def _answer(self, student_RC: Tensor, labels_B: Tensor, heads_B: Tensor | None) -> Tensor:
        """Compare the logits with the data's labels."""

        def loss(head: Head, rows: Rows) -> Tensor:
            own, answers_R = head.of(student_RC[rows]), labels_B[rows]
            if head.is_score:
                return losses.squared_error(own, answers_R[:, None])
            return losses.labels(own, answers_R.long())

        return mean_by_head(self.heads, heads_B, loss)

    def preflight(self) -> None:
        """Compute each loss of the stage on a first batch, before anything is spent on training.

        Raises:
            InputError: one of them is not finite, is zero, or does not depend on the student.
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
        note(
            f"losses of stage {self.stage.name!r} before training: "
            + ", ".join(f"{k} {v:.3g}" for k, v in values.items())
        )
        for name, term in terms.items():
            if not torch.isfinite(term) or not term.requires_grad or values[name] == 0:
                raise InputError(
                    f"stage {self.stage.name!r}: the {name} loss is {values[name]:.3g} and cannot be learned from",
                    "set its weight to 0, or look at the teacher's outputs",
                )


def _rows(values: Tensor, mask_BL: Tensor) -> Tensor:
    """Return what stands for each sentence as it is, and what stands for each token without padding."""
    of_tokens = values.shape[:2] == mask_BL.shape and values.ndim == mask_BL.ndim + values.is_floating_point()
    return values[mask_BL.bool()] if of_tokens else values


def _part(inputs: Inputs) -> tuple[Inputs, Inputs]:
    """Part a batch into what the models take and what is known of it beside."""
    taken = ("input_ids", "attention_mask", "token_type_ids")
    own = {name: inputs[name] for name in taken}
    return own, {name: value for name, value in inputs.items() if name not in taken}


def _states(brought: Inputs) -> Inputs:
    """Return the states of the teacher that a batch brings, which a cache keeps in half precision."""
    return _in_full(
        {name.removeprefix(TEACHER_STATE): value for name, value in brought.items() if name.startswith(TEACHER_STATE)}
    )


def _in_full(states: Inputs) -> Inputs:
    return {name: value.float() for name, value in states.items()}

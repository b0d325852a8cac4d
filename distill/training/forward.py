"""Forward passes of student and teacher that also return the hidden states that are compared."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from distill.model.capture import Captured, capturing
from distill.student.layer_map import LayerMap
from distill.training.layer_losses import Projections

Inputs = dict[str, Tensor]
Result = TypeVar("Result")


@dataclass(frozen=True, kw_only=True, slots=True)
class Forward:
    """The results of one forward pass, in float32 whatever it was computed in.

    Attributes:
        logits_RC: a row per sentence, or per token if the model answers for each token.
        captured: the states.
    """

    logits_RC: Tensor
    captured: Captured


def forward_with_states(model: PreTrainedModel, names: tuple[str, ...], inputs: Inputs) -> Forward:
    """Run a model and keep some of its states.

    The states leave autocast here, as projections and losses need full precision. Which of them are in bfloat16
    depends on the model and the device: the output of a linear layer always, that of a normalisation on a CPU only.
    """
    with capturing(model, names) as captured:
        logits = model(**inputs).logits
    return Forward(
        logits_RC=without_padding(logits, inputs["attention_mask"]).float(),
        captured=Captured(heads=captured.heads, states=in_float32(captured.states)),
    )


def without_padding(values: Tensor, mask_BL: Tensor) -> Tensor:
    """Return values per token as one row per token that is not padding, and values per sentence unchanged.

    Args:
        values: whole numbers of shape (B,) or (B, L), or floats of shape (B, C) or (B, L, C).
        mask_BL: 1 for tokens, 0 for padding.
    """
    of_tokens = values.shape[:2] == mask_BL.shape and values.ndim == mask_BL.ndim + values.is_floating_point()
    return values[mask_BL.bool()] if of_tokens else values


def in_float32(states: Inputs) -> Inputs:
    """Return states in float32."""
    return {name: value.float() for name, value in states.items()}


class ProjectedStudent(nn.Module):
    """A student with the projections that make its states comparable to a wider or narrower teacher's.

    Args:
        student: a BERT-like classifier.
        teacher_width: width of the teacher's hidden states.
        pairs: which student layer learns from which teacher layer.

    Attributes:
        state_names: names of the states to capture.
    """

    def __init__(self, student: PreTrainedModel, teacher_width: int, pairs: LayerMap) -> None:
        super().__init__()
        self.student = student
        self.projections = Projections(student.config.hidden_size, teacher_width, pairs)
        self.state_names: tuple[str, ...] = ()

    def forward(self, compute: Callable[[Forward], Result], **inputs: Tensor) -> Result:
        """Run the student and return what `compute` makes of the results.

        Args:
            compute: called here, in full precision, because DistributedDataParallel must see which weights a loss
                depends on.
            inputs: a batch.
        """
        results = forward_with_states(self.student, self.state_names, inputs)
        with torch.autocast(results.logits_RC.device.type, enabled=False):
            return compute(results)


@dataclass(frozen=True, kw_only=True, slots=True)
class LiveTeacher:
    """A teacher that runs over every batch.

    Attributes:
        model: the teacher, in evaluation mode.
        names: names of the states to capture.
        ids_R: teacher's token id of each token id of the student.
    """

    model: PreTrainedModel
    names: tuple[str, ...]
    ids_R: Tensor

    def run(self, inputs: Inputs, *, bf16: bool) -> Forward:
        """Run the teacher over a batch of the student's inputs."""
        device = inputs["input_ids"].device
        # The type of transformers' own wrapper of this method does not accept a device.
        nn.Module.to(self.model, device)
        teacher_inputs = {**inputs, "input_ids": self.ids_R.to(device)[inputs["input_ids"]]}
        with torch.no_grad(), torch.autocast(device.type, torch.bfloat16, enabled=bf16):
            return forward_with_states(self.model, self.names, teacher_inputs)

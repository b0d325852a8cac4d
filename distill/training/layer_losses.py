"""The losses that compare hidden states of student and teacher, by the names of their weights in a recipe."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from contract.errors import InputError
from distill import losses
from distill.model.capture import EMBEDDING, Captured, has_attention, state_name
from distill.recipe.stage import LossWeights, Stage
from distill.slim import pool, pooled_times
from distill.student.initialise import Start
from distill.student.layer_map import LayerMap

RELATION_KINDS = ("query", "key", "value")


class Projections(nn.Module):
    """Learned maps from the student's width to the teacher's, one for each state that is compared.

    Jiao et al., TinyBERT, section 3.1: W_e and W_h; if the widths are equal, states are compared without a map.

    Args:
        student_width, teacher_width: widths of the hidden states.
        pairs: layers that are compared.
    """

    def __init__(self, student_width: int, teacher_width: int, pairs: LayerMap) -> None:
        super().__init__()
        self.pairs = pairs

        def projection() -> nn.Module:
            same = student_width == teacher_width
            return nn.Identity() if same else nn.Linear(student_width, teacher_width, bias=False)

        self.embedding = projection()
        self.hidden = nn.ModuleList(projection() for _ in self.pairs)


@dataclass(frozen=True, kw_only=True, slots=True)
class LossInputs:
    """What the losses compare.

    Attributes:
        student, teacher: states of both from one forward pass.
        projections: maps from the student's width to the teacher's.
        mask_BL: 1 for tokens, 0 for padding.
        relation_heads: number of heads that the relation loss splits the vectors of both into.
        pooled_times: function that returns how often the student pooled the sequence before a layer's output.
    """

    student: Captured
    teacher: Captured
    projections: Projections
    mask_BL: Tensor
    relation_heads: int
    pooled_times: Callable[[int], int]


def embedding(inputs: LossInputs) -> Tensor:
    """Compare the outputs of the embedding layers."""
    projected_BLD = inputs.projections.embedding(inputs.student.states[EMBEDDING])
    return losses.hidden_states(projected_BLD, inputs.teacher.states[EMBEDDING], inputs.mask_BL)


def hidden(inputs: LossInputs) -> Tensor:
    """Compare the outputs of the matched layers; the mean over the layers."""
    by_layer = []
    projections = inputs.projections
    for project, (student_layer, teacher_layer) in zip(projections.hidden, projections.pairs, strict=True):
        teacher_BLD, mask_BL = inputs.teacher.state("hidden", teacher_layer), inputs.mask_BL
        for _ in range(inputs.pooled_times(student_layer)):
            teacher_BLD, mask_BL = pool(teacher_BLD, mask_BL)
        student_BLD = project(inputs.student.state("hidden", student_layer))
        by_layer.append(losses.hidden_states(student_BLD, teacher_BLD, mask_BL))
    return torch.stack(by_layer).mean()


def attention(inputs: LossInputs) -> Tensor:
    """Compare the attention scores of the matched layers, head by head; the mean over the layers."""
    by_layer = [
        losses.attention_scores(
            _scores(inputs.student, student_layer), _scores(inputs.teacher, teacher_layer), inputs.mask_BL
        )
        for student_layer, teacher_layer in inputs.projections.pairs
    ]
    return torch.stack(by_layer).mean()


def relation(inputs: LossInputs) -> Tensor:
    """Compare the query, key and value relations of the last matched layers; the sum of the three."""
    student_layer, teacher_layer = inputs.projections.pairs[-1]
    by_kind = [
        losses.relations(
            inputs.student.state(kind, student_layer),
            inputs.teacher.state(kind, teacher_layer),
            inputs.mask_BL,
            inputs.relation_heads,
        )
        for kind in RELATION_KINDS
    ]
    return torch.stack(by_kind).sum()


LAYER_LOSSES: dict[str, Callable[[LossInputs], Tensor]] = {
    "embedding": embedding,
    "hidden": hidden,
    "attention": attention,
    "relation": relation,
}


def required_states(weights: LossWeights, pairs: LayerMap) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the names of the student's and of the teacher's states that a stage compares.

    Args:
        weights: weights of the stage's losses.
        pairs: layers that are compared.
    """
    compared: dict[tuple[str, str], None] = {}
    if weights.embedding:
        compared[EMBEDDING, EMBEDDING] = None
    for kinds, layers in (
        (("hidden",) if weights.hidden else (), pairs),
        (("query", "key") if weights.attention else (), pairs),
        (RELATION_KINDS if weights.relation else (), pairs[-1:]),
    ):
        for kind in kinds:
            for student_layer, teacher_layer in layers:
                compared[state_name(kind, student_layer), state_name(kind, teacher_layer)] = None
    return tuple(student for student, _ in compared), tuple(teacher for _, teacher in compared)


def check_shapes(start: Start, teacher: PreTrainedModel, stage: Stage) -> None:
    """Check that a stage can compare these two models.

    Raises:
        InputError: different numbers of attention heads, relation heads that do not divide a width, or a student layer
            that lacks the attention over all tokens that a loss compares.
    """
    student = start.model
    _check_attention(start, stage)
    student_heads, teacher_heads = student.config.num_attention_heads, teacher.config.num_attention_heads
    if stage.losses.attention and student_heads != teacher_heads:
        raise InputError(
            f"stage {stage.name!r}: the attention loss needs equal heads, the student has {student_heads} and the "
            f"teacher {teacher_heads}",
            "use the relation loss instead, or choose a student with the teacher's heads",
        )
    for who, width in (("student", student.config.hidden_size), ("teacher", teacher.config.hidden_size)):
        if stage.losses.relation and width % stage.relation_heads:
            raise InputError(
                f"stage {stage.name!r}: {stage.relation_heads} relation heads do not divide the {who}'s width {width}",
                "choose a relation_heads that divides both widths",
            )


def _check_attention(start: Start, stage: Stage) -> None:
    """Check that the layers whose attention is compared have one, over as many tokens as the teacher's."""
    compared = start.pairs if stage.losses.attention else start.pairs[-1:] if stage.losses.relation else ()
    for layer, _ in compared:
        if not has_attention(start.model, layer) or pooled_times(start.model.config, layer):
            raise InputError(
                f"stage {stage.name!r}: layer {layer} of the student has no attention over all tokens to compare",
                "use only the hidden and prediction losses, or keep this layer's attention and do not pool before it",
            )


def _scores(captured: Captured, layer: int) -> Tensor:
    return losses.scores_of(captured.state("query", layer), captured.state("key", layer), captured.heads)

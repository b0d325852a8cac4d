"""The losses that look inside student and teacher, by the names of their weights in a recipe."""

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

    Jiao et al., TinyBERT, section 3.1: W_e and W_h; of one width the states are compared as they are.

    Args:
        student_width, teacher_width: of the hidden states.
        pairs: the layers that are compared.
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
    """What a loss compares.

    Attributes:
        student, teacher: what both showed in one forward pass.
        projections: from the student's width to the teacher's.
        mask_BL: 1 for tokens, 0 for padding.
        relation_heads: how many heads the relation loss splits the vectors of both into.
        pooled_times: how often the student pooled the sequence before a layer's output.
    """

    student: Captured
    teacher: Captured
    projections: Projections
    mask_BL: Tensor
    relation_heads: int
    pooled_times: Callable[[int], int]


def embedding(sight: LossInputs) -> Tensor:
    """Compare the outputs of the embedding layers."""
    projected_BLD = sight.projections.embedding(sight.student.states[EMBEDDING])
    return losses.hidden_states(projected_BLD, sight.teacher.states[EMBEDDING], sight.mask_BL)


def hidden(sight: LossInputs) -> Tensor:
    """Compare the outputs of the matched layers, the mean over them."""
    projections, of_layers = sight.projections, []
    for project, (own, theirs) in zip(projections.hidden, projections.pairs, strict=True):
        theirs_BLD, mask_BL = sight.teacher.state("hidden", theirs), sight.mask_BL
        for _ in range(sight.pooled_times(own)):
            theirs_BLD, mask_BL = pool(theirs_BLD, mask_BL)
        of_layers.append(losses.hidden_states(project(sight.student.state("hidden", own)), theirs_BLD, mask_BL))
    return torch.stack(of_layers).mean()


def attention(sight: LossInputs) -> Tensor:
    """Compare the attention scores of the matched layers, head by head, the mean over the layers."""
    of_layers = [
        losses.attention_scores(_scores(sight.student, own), _scores(sight.teacher, theirs), sight.mask_BL)
        for own, theirs in sight.projections.pairs
    ]
    return torch.stack(of_layers).mean()


def relation(sight: LossInputs) -> Tensor:
    """Compare the query, key and value relations of the last matched layers, the sum of the three."""
    own, theirs = sight.projections.pairs[-1]
    of_vectors = [
        losses.relations(
            sight.student.state(kind, own), sight.teacher.state(kind, theirs), sight.mask_BL, sight.relation_heads
        )
        for kind in RELATION_KINDS
    ]
    return torch.stack(of_vectors).sum()


LAYER_LOSSES: dict[str, Callable[[LossInputs], Tensor]] = {
    "embedding": embedding,
    "hidden": hidden,
    "attention": attention,
    "relation": relation,
}


def needed(weights: LossWeights, pairs: LayerMap) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the names of the states that a stage compares: the student's and the teacher's.

    Args:
        weights: of the stage's losses.
        pairs: the layers that are compared.
    """
    wanted: dict[tuple[str, str], None] = {}
    if weights.embedding:
        wanted[EMBEDDING, EMBEDDING] = None
    for kinds, some_pairs in (
        (("hidden",) if weights.hidden else (), pairs),
        (("query", "key") if weights.attention else (), pairs),
        (RELATION_KINDS if weights.relation else (), pairs[-1:]),
    ):
        for kind in kinds:
            for own, theirs in some_pairs:
                wanted[state_name(kind, own), state_name(kind, theirs)] = None
    return tuple(own for own, _ in wanted), tuple(theirs for _, theirs in wanted)


def check_shapes(start: Start, teacher: PreTrainedModel, stage: Stage) -> None:
    """Check that a stage can compare these two models.

    Raises:
        InputError: attention scores of different heads, relation heads that do not divide a width, or either where the
            student has no attention over all tokens.
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
    """Check that the layers whose attention is compared have one, and over as many tokens as the teacher's."""
    compared = start.pairs if stage.losses.attention else start.pairs[-1:] if stage.losses.relation else ()
    for own, _ in compared:
        if not has_attention(start.model, own) or pooled_times(start.model.config, own):
            raise InputError(
                f"stage {stage.name!r}: layer {own} of the student has no attention over all tokens to compare",
                "use the hidden and prediction losses alone, or leave this layer as it is",
            )


def _scores(seen: Captured, layer: int) -> Tensor:
    return losses.scores_of(seen.state("query", layer), seen.state("key", layer), seen.heads)

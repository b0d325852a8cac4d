"""The losses that look inside student and teacher, by the names of their weights in a recipe."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from contract.errors import InputError
from distill import losses
from distill.capture import Captured
from distill.recipe import Stage


class Projections(nn.Module):
    """Learned maps from the student's width to the teacher's, one for each state that is compared.

    Jiao et al., TinyBERT, section 3.1: W_e and W_h; of one width the states are compared as they are.

    Args:
        student_width, teacher_width: of the hidden states.
        layers: the teacher layer each student layer learns from.
    """

    def __init__(self, student_width: int, teacher_width: int, layers: Sequence[int]) -> None:
        super().__init__()
        self.layers = tuple(layers)

        def projection() -> nn.Module:
            same = student_width == teacher_width
            return nn.Identity() if same else nn.Linear(student_width, teacher_width, bias=False)

        self.embedding = projection()
        self.hidden = nn.ModuleList(projection() for _ in self.layers)


Compare = Callable[[Captured, Captured, Projections, Tensor, Stage], Tensor]


def embedding(student: Captured, teacher: Captured, projections: Projections, mask_BL: Tensor, _stage: Stage) -> Tensor:
    """Compare the outputs of the embedding layers."""
    projected_BLD = projections.embedding(student.embedding_BLD)
    return losses.hidden_states(projected_BLD, teacher.embedding_BLD, mask_BL)


def hidden(student: Captured, teacher: Captured, projections: Projections, mask_BL: Tensor, _stage: Stage) -> Tensor:
    """Compare the outputs of the matched layers, the mean over them."""
    of_layers = [
        losses.hidden_states(projections.hidden[own](student.hidden_BLD[own]), teacher.hidden_BLD[theirs], mask_BL)
        for own, theirs in enumerate(projections.layers)
    ]
    return torch.stack(of_layers).mean()


def attention(student: Captured, teacher: Captured, projections: Projections, mask_BL: Tensor, _stage: Stage) -> Tensor:
    """Compare the attention scores of the matched layers, head by head, the mean over the layers."""
    of_layers = [
        losses.attention_scores(_scores(student, own), _scores(teacher, theirs), mask_BL)
        for own, theirs in enumerate(projections.layers)
    ]
    return torch.stack(of_layers).mean()


def relation(student: Captured, teacher: Captured, projections: Projections, mask_BL: Tensor, stage: Stage) -> Tensor:
    """Compare the query, key and value relations of the last student layer and its match, the sum of the three."""
    own, theirs = len(projections.layers) - 1, projections.layers[-1]
    of_vectors = [
        losses.relations(student_BLD[own], teacher_BLD[theirs], mask_BL, stage.relation_heads)
        for student_BLD, teacher_BLD in (
            (student.query_BLD, teacher.query_BLD),
            (student.key_BLD, teacher.key_BLD),
            (student.value_BLD, teacher.value_BLD),
        )
    ]
    return torch.stack(of_vectors).sum()


INSIDE: dict[str, Compare] = {
    "embedding": embedding,
    "hidden": hidden,
    "attention": attention,
    "relation": relation,
}


def needs_inside(stage: Stage) -> bool:
    """Tell whether a stage looks inside the teacher, so that its logits alone do not do."""
    return any(getattr(stage.losses, name) for name in INSIDE)


def check_shapes(student: PreTrainedModel, teacher: PreTrainedModel, stage: Stage) -> None:
    """Check that a stage can compare these two models.

    Raises:
        InputError: attention scores of different heads, or relation heads that do not divide a width.
    """
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


def _scores(seen: Captured, layer: int) -> Tensor:
    return losses.scores_of(seen.query_BLD[layer], seen.key_BLD[layer], seen.heads)

"""Distillation losses as pure functions.

Jiao et al., TinyBERT: Distilling BERT for Natural Language Understanding, arXiv 1909.10351 (section 3).
Wang et al., MiniLMv2: Multi-Head Self-Attention Relation Distillation, arXiv 2012.15828 (where a docstring says so).
Shapes: B sentences, L tokens, D width, H heads, C classes. Padding is ignored.
"""

import torch
from torch import Tensor
from torch.nn import functional

from infer.outputs import UNLABELLED

MASKED = -1e4  # finite, so that a row of padding alone gives no NaN


def hidden_states(student_BLD: Tensor, teacher_BLD: Tensor, mask_BL: Tensor) -> Tensor:
    """Mean squared difference of hidden states or embeddings (section 3.1, (8) and (9)).

    The student's states are already projected to the teacher's width.

    Args:
        student_BLD, teacher_BLD: states with the same width D.
        mask_BL: 1 for tokens, 0 for padding.

    Returns:
        A scalar: the mean over tokens and width.
    """
    squared_BL = (student_BLD.float() - teacher_BLD.float()).square().mean(dim=-1)
    return (squared_BL * mask_BL).sum() / mask_BL.sum()


def attention_scores(student_BHLL: Tensor, teacher_BHLL: Tensor, mask_BL: Tensor) -> Tensor:
    """Mean squared difference of the attention scores before softmax (section 3.1, (7)).

    Args:
        student_BHLL, teacher_BHLL: query-key products divided by the root of the head width; both with H heads.
        mask_BL: 1 for tokens, 0 for padding.

    Returns:
        A scalar: the mean over heads and pairs of tokens.
    """
    pairs_BLL = (mask_BL[:, :, None] * mask_BL[:, None, :]).float()
    squared_BLL = (student_BHLL.float() - teacher_BHLL.float()).square().mean(dim=1)
    return (squared_BLL * pairs_BLL).sum() / pairs_BLL.sum()


def relations(student_BLD: Tensor, teacher_BLD: Tensor, mask_BL: Tensor, heads: int) -> Tensor:
    """Divergence of the relations among queries, keys or values (MiniLMv2, section 3.1, (5) to (7)).

    The vectors of both are split into the same number of relation heads, so widths and attention heads may differ.

    Args:
        student_BLD, teacher_BLD: outputs of the same projection; each width is a multiple of the heads.
        mask_BL: 1 for tokens, 0 for padding.
        heads: number of relation heads.

    Returns:
        A scalar: the Kullback-Leibler divergence of the student's relations from the teacher's, the mean over heads and
        tokens.
    """
    padding_B11L = (1 - mask_BL[:, None, None, :]).bool()
    student_BHLL, teacher_BHLL = (
        scores_of(states_BLD.float(), states_BLD.float(), heads).masked_fill(padding_B11L, MASKED)
        for states_BLD in (student_BLD, teacher_BLD)
    )
    divergence_BHL = functional.kl_div(
        functional.log_softmax(student_BHLL, dim=-1),
        functional.log_softmax(teacher_BHLL, dim=-1),
        reduction="none",
        log_target=True,
    ).sum(dim=-1)
    return (divergence_BHL.mean(dim=1) * mask_BL).sum() / mask_BL.sum()


def prediction(student_BC: Tensor, teacher_BC: Tensor, temperature: float) -> Tensor:
    """Soft cross-entropy of the logits at a temperature (section 3.1, (10)).

    Returns:
        A scalar: the mean over sentences.
    """
    teacher_probability_BC = functional.softmax(teacher_BC.float() / temperature, dim=-1)
    student_log_probability_BC = functional.log_softmax(student_BC.float() / temperature, dim=-1)
    return -(teacher_probability_BC * student_log_probability_BC).sum(dim=-1).mean()


def divergence(student_BC: Tensor, teacher_BC: Tensor, temperature: float) -> Tensor:
    """Kullback-Leibler divergence of the student's probabilities from the teacher's at a temperature.

    Hinton et al., Distilling the Knowledge in a Neural Network, arXiv 1503.02531, section 2: scaled by the temperature
    squared, so that its gradient keeps its size relative to the labels loss.

    Returns:
        A scalar: the mean over sentences.
    """
    kl: Tensor = functional.kl_div(
        functional.log_softmax(student_BC.float() / temperature, dim=-1),
        functional.log_softmax(teacher_BC.float() / temperature, dim=-1),
        reduction="batchmean",
        log_target=True,
    )
    return kl * temperature**2


def labels(student_BC: Tensor, labels_B: Tensor) -> Tensor:
    """Cross-entropy with the data's labels.

    Args:
        student_BC: logits of each sentence, or of each token.
        labels_B: class numbers; UNLABELLED entries contribute 0.

    Returns:
        A scalar: the mean over all entries.
    """
    total: Tensor = functional.cross_entropy(student_BC.float(), labels_B, ignore_index=UNLABELLED, reduction="sum")
    return total / len(labels_B)


def squared_error(student_BC: Tensor, teacher_BC: Tensor) -> Tensor:
    """Mean squared difference of logits (Ba and Caruana, arXiv 1312.6184, section 2.2), or of a regression's scores.

    Args:
        student_BC, teacher_BC: logits of student and teacher, or scores of student and data, with C = 1.

    Returns:
        A scalar: the mean over sentences and classes.
    """
    return functional.mse_loss(student_BC.float(), teacher_BC.float())


def scores_of(query_BLD: Tensor, key_BLD: Tensor, heads: int) -> Tensor:
    """Return the attention scores before softmax for the outputs of two projections, shape (B, H, L, L)."""

    def split(projected_BLD: Tensor) -> Tensor:
        batch, length, _ = projected_BLD.shape
        return projected_BLD.view(batch, length, heads, -1).transpose(1, 2)

    query_BHLE, key_BHLE = split(query_BLD), split(key_BLD)
    head_width = query_BHLE.shape[-1]
    scores_BHLL: Tensor = torch.matmul(query_BHLE, key_BHLE.transpose(-1, -2)) / head_width**0.5
    return scores_BHLL

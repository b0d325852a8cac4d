"""The student as a converter takes it: three integer tensors in, logits out."""

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn
from transformers import AutoModelForSequenceClassification, PreTrainedModel

import distill.slim  # noqa: F401  # makes the Auto class know slim students
from convert.mask import MASKED_SCORE
from convert.rewrites import rewrite
from infer.folders.variant import Rewrite


class Classifier(nn.Module):
    """A student with a mask of its own.

    The mask is made here, in the four dimensions attention wants, because the one of transformers is exported to
    operations that not every runtime knows.

    Args:
        student: in evaluation mode.
        rewrites: those that were applied to it.
    """

    def __init__(self, student: PreTrainedModel, rewrites: Sequence[Rewrite] = ()) -> None:
        super().__init__()
        self.student = student
        self.rewrites = tuple(rewrites)

    def forward(self, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor) -> Tensor:
        """Return logits of shape (B, C) for three integer tensors of shape (B, L)."""
        mask_B11L = (1.0 - attention_mask[:, None, None, :].float()) * MASKED_SCORE
        logits_BC: Tensor = self.student(
            input_ids=input_ids.long(), attention_mask=mask_B11L, token_type_ids=token_type_ids.long()
        ).logits
        return logits_BC


def load(student: Path, rewrites: Sequence[Rewrite] = ()) -> Classifier:
    """Load a student folder's model in fp32, ready to be exported.

    Args:
        student: its folder.
        rewrites: exact ones, each applied where the student is laid out for it.
    """
    # Attention written out in single operations is what the runtimes' own optimisers recognise.
    model = AutoModelForSequenceClassification.from_pretrained(
        student, attn_implementation="eager", dtype=torch.float32, local_files_only=True
    )
    return Classifier(*rewrite(model.eval(), rewrites)).eval()


def example(sentences: int, length_tokens: int, dtype: torch.dtype) -> tuple[Tensor, Tensor, Tensor]:
    """Return inputs of shape (B, L) to trace a model with."""
    # Three tensors of their own: litert-torch makes one input of a tensor that comes twice.
    shape = (sentences, length_tokens)
    return torch.ones(shape, dtype=dtype), torch.ones(shape, dtype=dtype), torch.zeros(shape, dtype=dtype)

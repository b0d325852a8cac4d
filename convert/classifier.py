"""The student as a converter takes it: three integer tensors in, logits out."""

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

import distill.tasks
import infer.tasks
from convert.mask import MASKED_SCORE
from convert.rewrites import rewrite
from infer.folders.rewrite import Rewrite
from infer.folders.student import read_student


# TFLite names its nodes by this class and its module: another name would be other bytes of the same model.
class Classifier(nn.Module):
    """A student of any task with a mask of its own.

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
        """Return logits for three integer tensors of shape (B, L).

        Returns:
            Of shape (B, C), or (B, L, C) where each token is answered for.
        """
        mask_B11L = (1.0 - attention_mask[:, None, None, :].float()) * MASKED_SCORE
        logits: Tensor = self.student(
            input_ids=input_ids.long(), attention_mask=mask_B11L, token_type_ids=token_type_ids.long()
        ).logits
        return logits


def load(student: Path, rewrites: Sequence[Rewrite] = ()) -> Classifier:
    """Load a student folder's model in fp32, ready to be exported.

    Args:
        student: its folder.
        rewrites: exact ones, each applied where the student is laid out for it and its task leaves room.
    """
    task = read_student(student).task.kind
    reads = infer.tasks.get(task).READS
    wanted = [one for one in rewrites if one is not Rewrite.FIRST_TOKEN or reads == "first"]
    # Attention written out in single operations is what the runtimes' own optimisers recognise.
    model = (
        distill.tasks.get(task)
        .model_class()
        .from_pretrained(student, attn_implementation="eager", dtype=torch.float32, local_files_only=True)
    )
    return Classifier(*rewrite(model.eval(), wanted)).eval()


def answered(classifier: Classifier, inputs: tuple[Tensor, Tensor, Tensor]) -> tuple[int, bool]:
    """Return how many numbers an answer to some inputs has, and whether each token has one of its own."""
    with torch.inference_mode():
        logits = classifier(*inputs)
    return logits.shape[-1], logits.ndim == 3


def example(sentences: int, length_tokens: int, dtype: torch.dtype) -> tuple[Tensor, Tensor, Tensor]:
    """Return inputs of shape (B, L) to trace a model with."""
    # Three tensors of their own: litert-torch makes one input of a tensor that comes twice.
    shape = (sentences, length_tokens)
    return torch.ones(shape, dtype=dtype), torch.ones(shape, dtype=dtype), torch.zeros(shape, dtype=dtype)

"""The student as a module for the exporters, which maps three integer tensors to logits."""

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

import distill.tasks
import infer.tasks
from convert.attention_mask import MASKED_SCORE
from convert.rewrites import rewrite
from distill.model.load import load as load_model
from infer.folders.rewrite import Rewrite
from infer.folders.student import read_student


# TFLite names its nodes after this class and module: renaming either changes the bytes of the model.
class Classifier(nn.Module):
    """A student of any task that builds its attention mask itself.

    The mask has the four dimensions that attention needs. The mask of transformers would be exported to operations
    that some runtimes lack.

    Args:
        student: the model, in evaluation mode.
        rewrites: the rewrites that were applied to the model.
    """

    def __init__(self, student: PreTrainedModel, rewrites: Sequence[Rewrite] = ()) -> None:
        super().__init__()
        self.student = student
        self.rewrites = tuple(rewrites)

    def forward(self, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor) -> Tensor:
        """Return logits for three integer tensors of shape (B, L).

        Returns:
            Logits of shape (B, C), or (B, L, C) for a task with an answer for each token.
        """
        mask_B11L = (1.0 - attention_mask[:, None, None, :].float()) * MASKED_SCORE
        logits: Tensor = self.student(
            input_ids=input_ids.long(), attention_mask=mask_B11L, token_type_ids=token_type_ids.long()
        ).logits
        return logits


def load(student: Path, rewrites: Sequence[Rewrite] = ()) -> Classifier:
    """Load a student folder's model in fp32, ready for export.

    Args:
        student: the student folder.
        rewrites: exact rewrites, each applied if the student's architecture and task allow it.
    """
    task = read_student(student).task.kind
    reads = infer.tasks.get(task).READS
    allowed = [item for item in rewrites if item is not Rewrite.FIRST_TOKEN or reads == "first"]
    # The runtimes' optimisers recognise attention in separate operations.
    model = load_model(
        distill.tasks.get(task).model_class(),
        student,
        name=str(student),
        purpose=f"for {task}",
        cure="distil the student again",
        attn_implementation="eager",
        dtype=torch.float32,
    )
    return Classifier(*rewrite(model.eval(), allowed)).eval()


def output_layout(classifier: Classifier, inputs: tuple[Tensor, Tensor, Tensor]) -> tuple[int, bool]:
    """Return the size C of the model's logits for some inputs, and whether each token has its own logits."""
    with torch.inference_mode():
        logits = classifier(*inputs)
    return logits.shape[-1], logits.ndim == 3


def example(sentences: int, length_tokens: int, dtype: torch.dtype) -> tuple[Tensor, Tensor, Tensor]:
    """Return example inputs of shape (B, L) for tracing a model."""
    # Three separate tensors: litert-torch merges inputs that are the same tensor.
    shape = (sentences, length_tokens)
    return torch.ones(shape, dtype=dtype), torch.ones(shape, dtype=dtype), torch.zeros(shape, dtype=dtype)

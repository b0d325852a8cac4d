"""Run a PyTorch model over sentences and return their logits."""

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from transformers import PreTrainedModel

from contract import ragged
from contract.progress import bar
from contract.tokens import Batch, Tokens
from infer.outputs import Outputs, check_finite, of_logits

BATCH_SIZE = 32


def predict(model: PreTrainedModel, tokens: Tokens, title: str, *, bf16: bool = False) -> Outputs:
    """Return a model's logits, computed in batches of sentences of similar length.

    Args:
        model: model with a head over the whole text, or over each token.
        tokens: N sentences.
        title: title of the progress bar.
        bf16: compute in bfloat16, if the processor is faster that way; never for the reference outputs of a folder.

    Returns:
        Logits with one entry per sentence, or one per token.

    Raises:
        InputError: a logit is not finite, as can happen with the weights of a training that diverged.
    """
    model.eval()
    logits: list[NDArray[np.float32]] = [np.empty((0, int(model.config.num_labels or 0)), np.float32)] * len(tokens)
    with (
        bar(title, len(tokens)) as advance,
        torch.inference_mode(),
        torch.autocast(model.device.type, torch.bfloat16, enabled=bf16),
    ):
        for rows in batches_by_length(tokens):
            inputs = {name: value.to(model.device) for name, value in tensors(tokens.batch(rows)).items()}
            values = model(**inputs).logits.float().cpu().numpy()
            for row, value in zip(rows, values, strict=True):
                logits[row] = value[: tokens.lengths[row]] if value.ndim == 2 else value[None]
            advance(len(rows))
    outputs = of_logits(ragged.from_rows(logits, like=np.empty((0, int(model.config.num_labels or 0)), np.float32)))
    check_finite(outputs, title)
    return outputs


def tensors(batch: Batch) -> dict[str, Tensor]:
    """Return a padded batch as the inputs of a transformers model."""
    return {
        "input_ids": torch.from_numpy(batch.input_ids_BL),
        "attention_mask": torch.from_numpy(batch.attention_mask_BL),
        "token_type_ids": torch.from_numpy(batch.token_type_ids_BL),
    }


def batches_by_length(tokens: Tokens) -> Iterator[list[int]]:
    """Yield the rows of all sentences in batches, shortest first, so that there is little padding."""
    by_length = np.argsort(tokens.lengths, kind="stable").tolist()
    for start in range(0, len(by_length), BATCH_SIZE):
        yield by_length[start : start + BATCH_SIZE]

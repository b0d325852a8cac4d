"""Eager PyTorch through transformers: what a teacher's user runs today, and the reference of every speed-up."""

import inspect
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from contract.errors import InputError, needs_extra
from contract.tokens import Batch


def start() -> None:
    """Import the libraries."""
    with needs_extra("distill"):
        import torch  # noqa: F401

        from distill.tasks import text

        text.model_class()


def load(model: Path, *, threads: int, buckets: tuple[int, ...], inputs: tuple[str, str, str]) -> "PytorchSession":
    """Load a Hugging Face folder in fp32, with the attention that is transformers' default."""
    import torch
    from transformers import AutoConfig
    from transformers.utils import logging

    from distill import tasks

    logging.set_verbosity_error()
    logging.disable_progress_bar()
    torch.set_num_threads(threads)
    task = tasks.of_config(AutoConfig.from_pretrained(model, local_files_only=True))
    if task is None:
        raise InputError(f"{model}: is trained for no task known here", "give a teacher or a student folder")
    network: Any = task.model_class().from_pretrained(
        model, local_files_only=True, use_safetensors=True, dtype=torch.float32
    )
    return PytorchSession(network.eval(), inputs)


class PytorchSession:
    """A loaded PyTorch model."""

    def __init__(self, network: Any, inputs: tuple[str, str, str]) -> None:
        self._network = network
        self._inputs = inputs
        # DistilBERT and its like know no token types.
        self._known = frozenset(inspect.signature(network.forward).parameters)

    def infer(self, batch: Batch) -> NDArray[np.float32]:
        """Return logits of shape (B, C), or (B, L, C) of a model that answers for each token."""
        import torch

        values = (batch.input_ids_BL, batch.attention_mask_BL, batch.token_type_ids_BL)
        named = {
            name: torch.from_numpy(value)
            for name, value in zip(self._inputs, values, strict=True)
            if name in self._known
        }
        with torch.inference_mode():
            logits: NDArray[np.float32] = self._network(**named).logits.float().numpy()
        return logits

    def padded_length(self, length_tokens: int) -> int:
        """Return the sentence's own length: PyTorch takes any."""
        return length_tokens

"""Eager PyTorch through transformers: what a teacher's user runs today, and the reference of every speed-up."""

import inspect
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from contract.errors import needs_extra
from contract.tokens import Batch


def start() -> None:
    """Import the libraries."""
    with needs_extra("distill"):
        import torch  # noqa: F401
        from transformers import AutoModelForSequenceClassification  # noqa: F401

        import distill.slim  # noqa: F401  # makes the Auto class know slim students


def load(model: Path, *, threads: int, buckets: tuple[int, ...], inputs: tuple[str, str, str]) -> "PytorchSession":
    """Load a Hugging Face folder in fp32, with the attention that is transformers' default."""
    import torch
    from transformers import AutoModelForSequenceClassification
    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()
    torch.set_num_threads(threads)
    network: Any = AutoModelForSequenceClassification.from_pretrained(
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
        """Return logits of shape (B, C)."""
        import torch

        values = (batch.input_ids_BL, batch.attention_mask_BL, batch.token_type_ids_BL)
        named = {
            name: torch.from_numpy(value)
            for name, value in zip(self._inputs, values, strict=True)
            if name in self._known
        }
        with torch.inference_mode():
            logits_BC: NDArray[np.float32] = self._network(**named).logits.float().numpy()
        return logits_BC

    def padded_length(self, length_tokens: int) -> int:
        """Return the sentence's own length: PyTorch takes any."""
        return length_tokens

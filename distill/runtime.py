"""Eager PyTorch through transformers: how a teacher is usually run, and the reference for every speed-up."""

import inspect
from pathlib import Path
from typing import Any

import numpy as np

from contract.errors import InputError, needs_extra
from infer.folders.graph import Graph
from infer.runtimes.protocol import Feed, Traits

CURE = "distil it again"
TRAITS = Traits()


def start() -> None:
    """Import the libraries."""
    with needs_extra("distill"):
        import torch  # noqa: F401

        from distill.tasks import text

        text.model_class()


def load(folder: Path, graph: Graph, *, threads: int) -> "PytorchSession":
    """Load a Hugging Face folder in fp32, with transformers' default attention.

    Raises:
        InputError: the model cannot be loaded, has no known task, or its files do not hold its weights.
    """
    import torch
    from transformers import AutoConfig

    from distill import tasks
    from distill.model import load as model_load

    torch.set_num_threads(threads)
    model = folder / graph.file
    with model_load.refusing(f"{model}: its config.json cannot be used", CURE):
        config = AutoConfig.from_pretrained(model, local_files_only=True)
    task = tasks.of_config(config)
    if task is None:
        raise InputError(f"{model}: not trained for a known task", "give a teacher or a student folder")
    network: Any = model_load.load(
        task.model_class(), model, name=str(model), purpose="in PyTorch", cure=CURE, dtype=torch.float32
    )
    return PytorchSession(network.eval(), graph)


class PytorchSession:
    """A loaded PyTorch model."""

    def __init__(self, network: Any, graph: Graph) -> None:
        self._network = network
        self._graph = graph
        # Some models, such as DistilBERT, have no token types.
        self._parameters = frozenset(inspect.signature(network.forward).parameters)

    def run(self, feed: Feed) -> Feed:
        """Run a batch."""
        import torch

        named = self._graph.named(feed).items()
        tensors = {name: torch.from_numpy(array) for name, array in named if name in self._parameters}
        with torch.inference_mode():
            outputs = self._network(**tensors)
        return {
            tensor.role: np.asarray(outputs[tensor.name].float().numpy(), dtype=tensor.dtype)
            for tensor in self._graph.outputs
        }

    def padded_length(self, length_tokens: int) -> int:
        """Return the sentence's length: PyTorch accepts any length."""
        return length_tokens

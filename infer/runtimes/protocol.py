"""What a runtime is: a module with one function to import its library and one to load a model.

Shapes: B sentences of a batch, L tokens of a padded sentence, C labels.
"""

from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from contract.tokens import Batch


class Session(Protocol):
    """A loaded model."""

    def infer(self, batch: Batch) -> NDArray[np.float32]:
        """Return logits for sentences padded to a length that `padded_length` gave.

        Returns:
            Logits of shape (B, C), or (B, L, C) where the model answers for each token.
        """

    def padded_length(self, length_tokens: int) -> int:
        """Return the length a sentence must be padded to: its own where any length is taken.

        Raises:
            ValueError: the model takes no sentence that long.
        """


class Runtime(Protocol):
    """A module of this folder."""

    def start(self) -> None:
        """Import the library.

        Raises:
            MissingExtraError: it is not installed.
        """

    def load(self, model: Path, *, threads: int, buckets: tuple[int, ...], inputs: tuple[str, str, str]) -> Session:
        """Read, compile and allocate a model.

        Args:
            model: the model file; for PyTorch its folder.
            threads: how many threads one inference may use.
            buckets: the padded lengths the model takes, rising; empty if it takes any.
            inputs: the model's names for ids, mask and token types.
        """

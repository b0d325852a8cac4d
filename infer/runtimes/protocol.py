"""What a runtime is: a module with one function to import its library and one to load a model.

Shapes: B texts of a batch, L tokens of a padded text.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from numpy.typing import NDArray

from infer.folders.graph import Graph

Feed = Mapping[str, NDArray[Any]]  # arrays by role


class Session(Protocol):
    """A loaded graph."""

    def run(self, feed: Feed) -> Feed:
        """Run a batch of texts, padded to a length that `padded_length` gave.

        Args:
            feed: the inputs, each of shape (B, L); roles that the graph does not take are left out.

        Returns:
            The outputs, as the graph's axes say: (B, ...), or (B, L, ...) where each token is answered for. They are
            the caller's: no later call changes them.
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

    def load(self, folder: Path, graph: Graph, *, threads: int) -> Session:
        """Read, compile and allocate a graph, for its padded lengths alone if it has some.

        Args:
            folder: the model's.
            graph: what to load, bound by the names it gives its tensors.
            threads: how many threads one inference may use.
        """
        ...

    def encoder(
        self,
        file: str,
        *,
        columns: int,
        by_token: bool,
        names: tuple[str, ...] | None = None,
        source_lengths: tuple[int, ...] = (),
    ) -> Graph:
        """Return the graph of an encoder that this project exported for the runtime.

        Args:
            file: below the model's folder.
            columns: how many numbers an answer has.
            by_token: whether each token is answered for, rather than the whole text.
            names: of the inputs: ids, mask and token types; the exporter's usual ones if not given.
            source_lengths: padded lengths it takes, rising; empty if it takes any.
        """
        ...

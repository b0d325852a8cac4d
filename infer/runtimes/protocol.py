"""The protocol of a runtime: a module with one function to import its library and one to load a model.

Shapes: B texts in a batch, L tokens in a padded text.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from numpy.typing import NDArray

from infer.folders.graph import Graph, Layout
from infer.folders.interface import Interface
from infer.folders.rewrite import Rewrite

Feed = Mapping[str, NDArray[Any]]  # arrays by role


@dataclass(frozen=True, kw_only=True, slots=True)
class Traits:
    """The facts about a runtime that others need, so that no other module branches on its name.

    Attributes:
        suffix: suffix of its model files; empty if it loads a folder, or nothing that could be hostile.
        companions: suffixes of the files that belong to a model file and share its name.
        check_file: raises InputError for a model file of another format or that refers to other files; returns its
            inputs and outputs if they can be read without the runtime. Its arguments are the open file, its size in
            bytes and its name.
        needs_lengths: whether a model file has a function for each padded length, and takes no other length.
        rewrites: rewrites that need an operation or a quirk of this runtime.
        default_rewrites: those of them that are applied by default.
        uniform: precisions, other than fp32, that treat all operations alike.
        layout: the names that this project's exporter gives to an encoder's tensors.
        slowness: returns why a loaded model that has run is slower than it might be; empty if nothing is known.
    """

    suffix: str = ""
    companions: tuple[str, ...] = ()
    check_file: Callable[[BinaryIO, int, str], Interface | None] | None = None
    needs_lengths: bool = False
    rewrites: frozenset[Rewrite] = frozenset()
    default_rewrites: frozenset[Rewrite] = frozenset()
    uniform: frozenset[str] = frozenset()
    layout: Layout = field(default_factory=Layout)
    slowness: Callable[[Any], str] | None = None


class Session(Protocol):
    """A loaded graph."""

    def run(self, feed: Feed) -> Feed:
        """Run a batch of texts, padded to a length that `padded_length` gave.

        Args:
            feed: the inputs, each of shape (B, L); roles that the graph has no input for are left out.

        Returns:
            The outputs, with the axes of the graph: (B, ...), or (B, L, ...) if there is an answer for each token.
            They belong to the caller: no later call changes them.
        """

    def padded_length(self, length_tokens: int) -> int:
        """Return the length that a sentence must be padded to; its own length if the model takes any.

        Raises:
            ValueError: the model takes no sentence that long.
        """


class Runtime(Protocol):
    """A module of this folder.

    Attributes:
        TRAITS: the facts that others need.
    """

    TRAITS: Traits

    def start(self) -> None:
        """Import the library.

        Raises:
            MissingExtraError: it is not installed.
        """

    def load(self, folder: Path, graph: Graph, *, threads: int) -> Session:
        """Read, compile and allocate a graph, only for its padded lengths if it has any.

        Args:
            folder: the model's folder.
            graph: the graph to load; its tensors are found by name.
            threads: number of threads that one inference may use.

        Raises:
            InputError: the file has not the inputs and outputs of the graph, or cannot be used with this runtime.
        """
        ...

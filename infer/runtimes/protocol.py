"""What a runtime is: a module with one function to import its library and one to load a model.

Shapes: B texts of a batch, L tokens of a padded text.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from numpy.typing import NDArray

from infer.folders.graph import Graph, Layout
from infer.folders.rewrite import Rewrite

Feed = Mapping[str, NDArray[Any]]  # arrays by role


@dataclass(frozen=True, kw_only=True, slots=True)
class Traits:
    """What others must know of a runtime; what is said here is asked nowhere by its name.

    Attributes:
        suffix: of its model files; empty if it loads a folder or nothing that could be hostile.
        beside: suffixes of the files that belong to a model file and have its name.
        check_file: raises InputError for a model file that is not what it seems or that names others; its arguments are
            the open file, its size in bytes and its name.
        needs_lengths: a model file holds a function for each padded length, and takes no other.
        rewrites: those that need an operation or a quirk of this runtime.
        default_rewrites: those of them that are applied where nothing else is said.
        uniform: precisions, other than fp32, that treat all operations alike.
        layout: what the files of this project's exporter call an encoder's tensors.
    """

    suffix: str = ""
    beside: tuple[str, ...] = ()
    check_file: Callable[[BinaryIO, int, str], None] | None = None
    needs_lengths: bool = False
    rewrites: frozenset[Rewrite] = frozenset()
    default_rewrites: frozenset[Rewrite] = frozenset()
    uniform: frozenset[str] = frozenset()
    layout: Layout = field(default_factory=Layout)


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
    """A module of this folder.

    Attributes:
        TRAITS: what others must know of it.
    """

    TRAITS: Traits

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

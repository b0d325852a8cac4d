"""A model that a runtime can load. Standard library only, because the measuring process reads it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from infer.folders import graph as graphs
from infer.folders.graph import Graph

MODEL = "model"


@dataclass(frozen=True, kw_only=True, slots=True)
class Model:
    """A model on disk, and how to run it.

    Attributes:
        folder: the model's folder.
        runtime: a name in infer.runtimes.RUNTIMES.
        graphs: its functions by name; a single function is named `model`.
        threads: number of threads that one inference may use.
        pad_id: token id to pad texts with.
    """

    folder: Path
    runtime: str
    graphs: Mapping[str, Graph]
    threads: int
    pad_id: int

    @property
    def graph(self) -> Graph:
        """The function of a model with a single function."""
        return self.graphs[MODEL]

    def padded_to(self, source_lengths: tuple[int, ...]) -> "Model":
        """Return the same model prepared for other padded lengths of a text; for any length if there are none."""
        return replace(self, graphs={**self.graphs, MODEL: self.graph.padded_to(source_lengths)})


def read(value: Mapping[str, Any]) -> Model:
    """Return the model from the JSON value of `dataclasses.asdict`.

    Raises:
        KeyError, TypeError, ValueError: not a model.
    """
    by_name = {name: graphs.read(graph) for name, graph in value["graphs"].items()}
    return Model(**{**value, "folder": Path(value["folder"]), "graphs": by_name})

"""A model that a runtime can load. Standard library only: the process that measures reads it too."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from infer.folders import graph as graphs
from infer.folders.graph import Graph

MODEL = "model"


@dataclass(frozen=True, kw_only=True, slots=True)
class Model:
    """A model on the disk, and how it is to be run.

    Attributes:
        folder: where it lies.
        runtime: what runs it: a name in infer.runtimes.RUNTIMES.
        graphs: its functions; a model of one has it under `model`.
        threads: how many one inference may use.
        pad_id: token id to pad texts with.
    """

    folder: Path
    runtime: str
    graphs: Mapping[str, Graph]
    threads: int
    pad_id: int

    @property
    def graph(self) -> Graph:
        """The only function of a model that has one."""
        return self.graphs[MODEL]

    def padded_to(self, source_lengths: tuple[int, ...]) -> "Model":
        """Return the model as a runtime prepares it for some padded lengths; for any if there are none."""
        return replace(self, graphs={**self.graphs, MODEL: self.graph.padded_to(source_lengths)})


def read(value: Mapping[str, Any]) -> Model:
    """Return the model that `dataclasses.asdict` and JSON made a value of.

    Raises:
        KeyError, TypeError, ValueError: it is no model.
    """
    found = {name: graphs.read(graph) for name, graph in value["graphs"].items()}
    return Model(**{**value, "folder": Path(value["folder"]), "graphs": found})

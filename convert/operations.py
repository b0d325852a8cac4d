"""Names of a student's operations, some of which a quantiser may keep in floating point. Torch-free.

An operation is a group of nodes. Exporters name nodes after the module that they came from, each in its own format.
"""

import json
import re
from dataclasses import dataclass
from pathlib import Path

EMBEDDINGS = "embeddings"
CLASSIFIER = "classifier"


@dataclass(frozen=True, kw_only=True, slots=True)
class Nodes:
    """Regular expressions for the node names that an exporter writes.

    Attributes:
        layer: pattern of a layer's nodes, with `{layer}` for its number.
        classifier: pattern of the nodes after the layers.
    """

    layer: str
    classifier: str


def operations(layers: int) -> tuple[str, ...]:
    """Return the names of a student's operations, from the tokens to the logits.

    Args:
        layers: the student's number of layers.
    """
    parts = [f"layer{layer}-{part}" for layer in range(layers) for part in ("attention", "feed-forward")]
    return (EMBEDDINGS, *parts, CLASSIFIER)


def operations_of(student: Path) -> tuple[str, ...]:
    """Return the names of the operations of a student folder's model."""
    config = json.loads((student / "config.json").read_text(encoding="utf-8"))
    return operations(int(config["num_hidden_layers"]))


def pattern(operation: str, nodes: Nodes) -> str:
    """Return a regular expression to search for in node names, which matches an operation's nodes.

    Args:
        operation: name of the operation.
        nodes: the exporter's node names.

    Raises:
        ValueError: there is no such operation.
    """
    if operation == EMBEDDINGS:
        return r"(?i:embeddings)"
    if operation == CLASSIFIER:
        return nodes.classifier
    match = re.fullmatch(r"layer(\d+)-(attention|feed-forward)", operation)
    if match is None:
        raise ValueError(f"no operation {operation!r}")
    layer = nodes.layer.format(layer=match[1])
    return rf"{layer}.*(?i:attention)" if match[2] == "attention" else rf"{layer}(?!.*(?i:attention))"


def belongs_to(node: str, operations: tuple[str, ...], nodes: Nodes) -> bool:
    """Return whether a node belongs to any of some operations.

    Args:
        node: name of the node.
        operations: names of the operations.
        nodes: the exporter's node names.
    """
    return any(re.search(pattern(name, nodes), node) for name in operations)

"""The operations of a student by name, as a quantiser may leave some of them in floating-point. Torch-free.

An operation is a group of nodes: the exporters name each node by the module it came from, each with signs of its own.
"""

import json
import re
from dataclasses import dataclass
from pathlib import Path

EMBEDDINGS = "embeddings"
CLASSIFIER = "classifier"


@dataclass(frozen=True, kw_only=True, slots=True)
class Nodes:
    """How an exporter names nodes, as regular expressions.

    Attributes:
        layer: of those of one layer, with `{layer}` for its number.
        classifier: of those after the layers.
    """

    layer: str
    classifier: str


def operations(layers: int) -> tuple[str, ...]:
    """Return the names of a student's operations, from the tokens to the logits.

    Args:
        layers: how many the student has.
    """
    parts = [f"layer{layer}-{part}" for layer in range(layers) for part in ("attention", "feed-forward")]
    return (EMBEDDINGS, *parts, CLASSIFIER)


def operations_of(student: Path) -> tuple[str, ...]:
    """Return the names of the operations of a student folder's model."""
    config = json.loads((student / "config.json").read_text(encoding="utf-8"))
    return operations(int(config["num_hidden_layers"]))


def pattern(operation: str, nodes: Nodes) -> str:
    """Return the regular expression that is found in the names of an operation's nodes.

    Args:
        operation: its name.
        nodes: how the exporter names them.

    Raises:
        ValueError: no such operation.
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


def is_of(node: str, names: tuple[str, ...], nodes: Nodes) -> bool:
    """Tell whether a node belongs to one of some operations.

    Args:
        node: its name.
        names: of the operations.
        nodes: how the exporter names them.
    """
    return any(re.search(pattern(name, nodes), node) for name in names)

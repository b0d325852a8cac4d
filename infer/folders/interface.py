"""The inputs and outputs that a model file declares itself, compared with those in its manifest.

Standard library only, because the measuring process compares them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from contract.errors import InputError
from infer.folders.graph import Graph, Tensor, shown

CURE = "convert the student again"


@dataclass(frozen=True, kw_only=True, slots=True)
class Port:
    """An input or output that a file declares.

    Attributes:
        names: its names; some formats have several.
        dtype: the type of its numbers, such as `int64`; empty if not known.
        sizes: the size of each axis, null for one that varies; null if not known.
        rows: number of rows of the embedding that its numbers choose from; null if not known, or if there is none.
    """

    names: tuple[str, ...]
    dtype: str = ""
    sizes: tuple[int | None, ...] | None = None
    rows: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Interface:
    """All inputs and outputs that a file declares for one function.

    Attributes:
        stored: the types of its constants that are fewer bits than float32, such as `int8`; null if not known.
    """

    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    stored: frozenset[str] | None = None


def check_interface(interface: Interface, graph: Graph, source: str, source_length: int = 0) -> None:
    """Check that a model file has the inputs and outputs of its manifest.

    Args:
        interface: what the file declares.
        graph: what the manifest says.
        source: the file's name, to begin an error with.
        source_length: the padded length that the file was prepared for, with one text a batch; 0 for any.

    Raises:
        InputError: a tensor is missing on one side, or has another type or other axes.
    """
    _check_ports("input", interface.inputs, graph.inputs, source, source_length)
    _check_ports("output", interface.outputs, graph.outputs, source, source_length)
    names = [tensor.name for tensor in graph.inputs]
    for port in interface.inputs:
        if not set(names) & set(port.names):
            cause = f"{source}: has an input {port.names[0]!r} that is not in its manifest; there: {', '.join(names)}"
            raise InputError(cause, CURE)


def _check_ports(kind: str, ports: Sequence[Port], tensors: Sequence[Tensor], source: str, source_length: int) -> None:
    for tensor in tensors:
        port = next((port for port in ports if tensor.name in port.names), None)
        if port is None:
            raise InputError(f"{source}: has no {kind} {tensor.name!r}; its {kind}s: {_names(ports)}", CURE)
        _check_port(port, tensor, f"{source}: {kind} {tensor.name!r}", source_length)


def _names(ports: Sequence[Port]) -> str:
    return ", ".join(port.names[0] for port in ports) or "none"


def _check_port(port: Port, tensor: Tensor, source: str, source_length: int) -> None:
    if port.dtype and port.dtype != tensor.dtype:
        raise InputError(f"{source} is {port.dtype}, but {tensor.dtype} in its manifest", CURE)
    if port.sizes is None:
        return
    fixed: dict[int | str, int] = {"batch": 1, "source": source_length} if source_length else {}
    sizes = [fixed.get(axis, axis) for axis in tensor.axes]
    if len(sizes) != len(port.sizes) or not all(map(_fits, port.sizes, sizes)):
        declared = shown(["?" if size is None else size for size in port.sizes])
        raise InputError(f"{source} has the shape {declared}, but {shown(sizes)} in its manifest", CURE)


def _fits(declared: int | None, size: int | str) -> bool:
    """Return whether a file's size is that of a manifest; a size that varies fits each fixed one."""
    return declared is None or declared == size

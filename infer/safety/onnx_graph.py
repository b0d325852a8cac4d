"""Checks that an .onnx file keeps its weights inside and uses only operators that our runtimes have.

ONNX Runtime reads external data from any file near the model, and the location may be hostile. A device has no `onnx`
package, and loading with that package would read those files too; so this walks the file.
"""

from collections.abc import Callable
from typing import BinaryIO

from contract.errors import InputError
from infer.folders.interface import Interface, Port
from infer.safety.embedding import Operation, rows_by_input
from infer.safety.protobuf import BYTES, DEPTH_LIMIT, VARINT, Field, Walk

# The messages of onnx.proto that can contain a tensor or a node, by field number. A test compares this with `onnx`.
MESSAGES: dict[str, dict[int, str]] = {
    "ModelProto": {7: "GraphProto", 20: "TrainingInfoProto", 25: "FunctionProto"},
    "TrainingInfoProto": {1: "GraphProto", 2: "GraphProto"},
    "FunctionProto": {7: "NodeProto", 11: "AttributeProto"},
    "GraphProto": {1: "NodeProto", 5: "TensorProto", 15: "SparseTensorProto"},
    "NodeProto": {5: "AttributeProto"},
    "AttributeProto": {
        5: "TensorProto",
        6: "GraphProto",
        10: "TensorProto",
        11: "GraphProto",
        22: "SparseTensorProto",
        23: "SparseTensorProto",
    },
    "SparseTensorProto": {1: "TensorProto", 2: "TensorProto"},
    "TensorProto": {},
}
GRAPH = ("ModelProto", 7)
GRAPH_DEPTH = 1  # of the model's own graph; those of control flow are deeper
INPUT = ("GraphProto", 11)
OUTPUT = ("GraphProto", 12)
VALUE_INFO_NAME = 1
EXTERNAL_DATA = ("TensorProto", 13)
DATA_LOCATION = ("TensorProto", 14)
DOMAINS = (("NodeProto", 7), ("FunctionProto", 10))
NODE_INPUT, NODE_OUTPUT, NODE_KIND = (("NodeProto", number, BYTES) for number in (1, 2, 4))
TENSOR_NAME, TENSOR_SIZE, TENSOR_TYPE = (
    ("TensorProto", 8, BYTES),
    ("TensorProto", 1, VARINT),
    ("TensorProto", 2, VARINT),
)
NARROW = {2: "uint8", 3: "int8", 10: "float16", 21: "uint4", 22: "int4"}  # by their numbers in TensorProto.DataType
LOCATION = b"location"
KNOWN_DOMAINS = ("", "ai.onnx", "ai.onnx.ml", "com.microsoft")
SHOWN_BYTES = 200


def check(file: BinaryIO, size_bytes: int, source: str) -> Interface:
    """Check an .onnx file before anything loads it.

    Args:
        file: the file, open at its beginning.
        size_bytes: its size.
        source: its name, to begin an error with.

    Returns:
        The names of its inputs and outputs.

    Raises:
        InputError: it is not ONNX, keeps tensors in other files, or uses operators of an unknown domain.
    """
    scan = _Scan(Walk(file, size_bytes), source)
    try:
        scan.message("ModelProto", size_bytes, 0)
    except ValueError as error:
        raise InputError(f"{source}: cannot be read as ONNX ({error})", "convert the student again") from error
    if not scan.has_graph:
        raise InputError(f"{source}: cannot be read as ONNX (it has no graph)", "convert the student again")
    rows = rows_by_input(scan.operations, scan.rows)
    inputs = (Port(names=port.names, rows=rows.get(port.names[0])) for port in scan.ports[INPUT])
    return Interface(inputs=tuple(inputs), outputs=tuple(scan.ports[OUTPUT]), stored=frozenset(scan.stored))


class _Scan:
    """One pass over a file.

    Attributes:
        has_graph: whether a graph was found.
        ports: the inputs and outputs of the model's own graph.
        operations: its operations, by the name of the first value that each makes.
        rows: the first size of each of its constants.
        stored: the types of its constants, of those in `NARROW`.
    """

    def __init__(self, walk: Walk, source: str) -> None:
        self._walk = walk
        self._source = source
        self.has_graph = False
        self.ports: dict[tuple[str, int], list[Port]] = {INPUT: [], OUTPUT: []}
        self.operations: dict[str, Operation] = {}
        self.rows: dict[str, int] = {}
        self.stored: set[str] = set()

    def message(self, kind: str, end: int, depth: int) -> None:
        """Scan a message.

        Raises:
            ValueError: it cannot be read.
            InputError: it breaks a rule.
        """
        if depth > DEPTH_LIMIT:
            raise ValueError("nested too deeply")
        inner = MESSAGES[kind]
        notes = _Notes(self._walk, kind) if depth == GRAPH_DEPTH + 1 else None
        for field in self._walk.fields(end):
            if notes is not None and notes.take(field):
                continue
            key = (kind, field.number)
            if field.wire_type == BYTES and field.number in inner:
                self.has_graph = self.has_graph or key == GRAPH
                self.message(inner[field.number], field.end, depth + 1)
            elif field.wire_type == BYTES and depth == GRAPH_DEPTH and key in self.ports:
                self.ports[key].append(Port(names=(_name(self._walk, field),)))
            elif rule := RULES.get((*key, field.wire_type)):
                rule(self._walk, field, self._source)
        if notes is not None:
            self._keep(notes)

    def _keep(self, notes: "_Notes") -> None:
        if notes.outputs:
            self.operations[notes.outputs[0]] = Operation(notes.kind, tuple(notes.inputs))
        elif notes.sizes:
            self.rows[notes.name] = notes.sizes[0]
            self.stored |= {NARROW[notes.type]} if notes.type in NARROW else set()


class _Notes:
    """What names an operation or a constant of the model's own graph, and how many rows a constant has."""

    def __init__(self, walk: Walk, message: str) -> None:
        self._walk = walk
        self._message = message
        self.inputs: list[str] = []
        self.outputs: list[str] = []
        self.sizes: list[int] = []
        self.kind = ""
        self.name = ""
        self.type = 0

    def take(self, field: Field) -> bool:
        """Note a field; return whether it is one of those to note."""
        key = (self._message, field.number, field.wire_type)
        if key == NODE_INPUT:
            self.inputs.append(self._text(field))
        elif key == NODE_OUTPUT:
            self.outputs.append(self._text(field))
        elif key == NODE_KIND:
            self.kind = self._text(field)
        elif key == TENSOR_NAME:
            self.name = self._text(field)
        elif key == TENSOR_SIZE:
            self.sizes.append(field.value)
        elif key == TENSOR_TYPE:
            self.type = field.value
        else:
            return False
        return True

    def _text(self, field: Field) -> str:
        return self._walk.read(field, SHOWN_BYTES).decode(errors="replace")


def _name(walk: Walk, field: Field) -> str:
    name = b""
    for part in walk.fields(field.end):
        if part.wire_type == BYTES and part.number == VALUE_INFO_NAME:
            name = walk.read(part, SHOWN_BYTES)
    return name.decode(errors="replace")


def _external_data(walk: Walk, field: Field, source: str) -> None:
    key = value = b""
    for part in walk.fields(field.end):
        if part.wire_type == BYTES and part.number == 1:
            key = walk.read(part, SHOWN_BYTES)
        elif part.wire_type == BYTES and part.number == 2:
            value = walk.read(part, SHOWN_BYTES)
    location = f" ({value.decode(errors='replace')!r})" if key == LOCATION else ""
    raise _external_error(source, location)


def _data_location(_walk: Walk, field: Field, source: str) -> None:
    if field.value:
        raise _external_error(source, "")


def _external_error(source: str, location: str) -> InputError:
    return InputError(
        f"{source}: keeps tensors in another file{location}", "do not load it; convert the student to one file"
    )


def _domain(walk: Walk, field: Field, source: str) -> None:
    domain = walk.read(field, SHOWN_BYTES).decode(errors="replace")
    if domain not in KNOWN_DOMAINS:
        raise InputError(
            f"{source}: uses operators of the domain {domain!r}",
            "only those of ONNX and ONNX Runtime are known; convert the student without it",
        )


RULES: dict[tuple[str, int, int], Callable[[Walk, Field, str], None]] = {
    (*EXTERNAL_DATA, BYTES): _external_data,
    (*DATA_LOCATION, VARINT): _data_location,
    **{(*domain, BYTES): _domain for domain in DOMAINS},
}

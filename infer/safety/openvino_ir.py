"""Checks that an OpenVINO .xml is a network without a document type, whose entities could grow without end."""

from typing import BinaryIO, NoReturn
from xml.parsers import expat

from contract.errors import InputError
from infer.folders.interface import Interface, Port
from infer.safety.embedding import Operation, rows_by_input

ROOT = "net"
# Where a model says the float type to compute in. Without it OpenVINO uses bf16 or f16 if the processor can.
PRECISION_HINT = ("runtime_options", "INFERENCE_PRECISION_HINT")
SIZE_LIMIT_BYTES = 64 * 2**20  # a student has some hundred KiB, because its weights are in the .bin
CHUNK_BYTES = 2**16
SHOWN_CHARACTERS = 40
NARROW = {"u8": "uint8", "i8": "int8", "f16": "float16", "u4": "uint4", "i4": "int4"}
# The elements of the network's own layers; those of control flow are deeper.
LAYER = [ROOT, "layers", "layer"]
DATA = [*LAYER, "data"]
PORT = [*LAYER, "output", "port"]
EDGE = [ROOT, "edges", "edge"]


def check(file: BinaryIO, size_bytes: int, source: str) -> Interface:
    """Check an .xml file before anything loads it; OpenVINO itself would also take another format under this name.

    Args:
        file: the file, open at its beginning.
        size_bytes: its size.
        source: its name, to begin an error with.

    Returns:
        The names of its inputs and outputs.

    Raises:
        InputError: it is not a network, or has a document type.
    """
    if size_bytes > SIZE_LIMIT_BYTES:
        raise _refusal(source, f"has {size_bytes} bytes, more than any network of a student")
    network = _Network(source)
    parser = expat.ParserCreate()
    parser.StartElementHandler = network.start
    parser.EndElementHandler = network.end
    parser.StartDoctypeDeclHandler = network.doctype
    try:
        while chunk := file.read(CHUNK_BYTES):
            parser.Parse(chunk, False)
        parser.Parse(b"", True)
    except expat.ExpatError as error:
        raise _refusal(source, f"cannot be read as XML ({error})") from error
    return network.interface()


class _Network:
    """Handlers of a parser, which keep the names of the network's inputs and outputs."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._path: list[str] = []
        self._layer: dict[str, str] = {}
        self._parameters: dict[str, tuple[str, ...]] = {}
        self._kinds: dict[str, str] = {}
        self._rows: dict[str, int] = {}
        self._stored: set[str] = set()
        self._results: dict[str, tuple[str, ...]] = {}
        self._names: dict[tuple[str, str], tuple[str, ...]] = {}
        self._edges: list[dict[str, str]] = []

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """Note what a tag says of inputs and outputs."""
        if not self._path and name != ROOT:
            raise _refusal(self._source, f"not a network: it begins with the element {name[:SHOWN_CHARACTERS]!r}")
        self._path.append(name)
        if self._path == LAYER:
            self._layer = attributes
            self._kinds[attributes.get("id", "")] = attributes.get("type", "")
            if attributes.get("type") == "Result":
                self._results[attributes.get("id", "")] = _split(attributes.get("output_names", ""))
        elif self._path == PORT:
            names = _split(attributes.get("names", ""))
            self._names[self._layer.get("id", ""), attributes.get("id", "")] = names
            if self._layer.get("type") == "Parameter":
                self._parameters[self._layer.get("id", "")] = names
        elif self._path == DATA:
            self._constant(attributes)
        elif self._path == EDGE:
            self._edges.append(attributes)

    def _constant(self, attributes: dict[str, str]) -> None:
        """Note the rows and the type of a constant."""
        if self._layer.get("type") != "Const":
            return
        first = attributes.get("shape", "").partition(",")[0].strip()
        if first.isascii() and first.isdigit():
            self._rows[self._layer.get("id", "")] = int(first[:SHOWN_CHARACTERS])
        stored = attributes.get("element_type", "")
        self._stored |= {NARROW[stored]} if stored in NARROW else set()

    def end(self, _name: str) -> None:
        """Leave an element."""
        self._path.pop()

    def doctype(self, *_: object) -> NoReturn:
        """Refuse a document type."""
        raise _refusal(self._source, "has a document type, which can define entities")

    def interface(self) -> Interface:
        """Return the inputs and outputs; an output has the names of what its layer is connected to."""
        for edge in self._edges:
            target = edge.get("to-layer", "")
            if target in self._results:
                self._results[target] += self._names.get((edge.get("from-layer", ""), edge.get("from-port", "")), ())
        rows = rows_by_input(self._operations(), self._rows)
        return Interface(
            inputs=tuple(Port(names=names or ("",), rows=rows.get(layer)) for layer, names in self._parameters.items()),
            outputs=tuple(Port(names=names or ("",)) for names in self._results.values()),
            stored=frozenset(self._stored),
        )

    def _operations(self) -> dict[str, Operation]:
        """Return the operations by layer; what comes in at each port is named by the layer it is from."""
        ports: dict[str, dict[str, str]] = {}
        for edge in self._edges:
            ports.setdefault(edge.get("to-layer", ""), {})[edge.get("to-port", "")] = edge.get("from-layer", "")
        return {
            layer: Operation(kind, tuple(ports.get(layer, {}).get(str(port), "") for port in range(2)))
            for layer, kind in self._kinds.items()
        }


def _split(names: str) -> tuple[str, ...]:
    return tuple(filter(None, names.split(",")))


def _refusal(source: str, fault: str) -> InputError:
    return InputError(f"{source}: {fault}", "do not load it; convert the student again")

"""Checks that an OpenVINO .xml is a network without a document type, whose entities could grow without end."""

from typing import BinaryIO, NoReturn
from xml.parsers import expat

from contract.errors import InputError
from infer.folders.interface import Interface, Port

ROOT = "net"
# Where a model says the float type to compute in. Without it OpenVINO uses bf16 or f16 if the processor can.
PRECISION_HINT = ("runtime_options", "INFERENCE_PRECISION_HINT")
SIZE_LIMIT_BYTES = 64 * 2**20  # a student has some hundred KiB, because its weights are in the .bin
CHUNK_BYTES = 2**16
SHOWN_CHARACTERS = 40
# The elements of the network's own layers; those of control flow are deeper.
LAYER = [ROOT, "layers", "layer"]
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
        self._parameters: list[tuple[str, ...]] = []
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
            if attributes.get("type") == "Result":
                self._results[attributes.get("id", "")] = _split(attributes.get("output_names", ""))
        elif self._path == PORT:
            names = _split(attributes.get("names", ""))
            self._names[self._layer.get("id", ""), attributes.get("id", "")] = names
            if self._layer.get("type") == "Parameter":
                self._parameters.append(names)
        elif self._path == EDGE:
            self._edges.append(attributes)

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
        return Interface(
            inputs=tuple(Port(names=names or ("",)) for names in self._parameters),
            outputs=tuple(Port(names=names or ("",)) for names in self._results.values()),
        )


def _split(names: str) -> tuple[str, ...]:
    return tuple(filter(None, names.split(",")))


def _refusal(source: str, fault: str) -> InputError:
    return InputError(f"{source}: {fault}", "do not load it; convert the student again")

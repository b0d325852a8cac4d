"""What an OpenVINO .xml must be: a network, and no document type, whose entities could grow without end."""

from typing import BinaryIO, NoReturn
from xml.parsers import expat

from contract.errors import InputError

ROOT = "net"
# Where a model says what floats it is computed in. Without it OpenVINO takes bf16 or f16 wherever the processor can.
PRECISION_HINT = ("runtime_options", "INFERENCE_PRECISION_HINT")
SIZE_LIMIT_BYTES = 64 * 2**20  # a student's has some hundred KiB: its weights are in the .bin
CHUNK_BYTES = 2**16
SHOWN_CHARACTERS = 40


def check(file: BinaryIO, size_bytes: int, source: str) -> None:
    """Check an .xml file before anything loads it; OpenVINO itself would also take another format under this name.

    Args:
        file: at its beginning.
        size_bytes: of the file.
        source: its name, to begin an error with.

    Raises:
        InputError: it is no network, or has a document type.
    """
    if size_bytes > SIZE_LIMIT_BYTES:
        raise _refusal(source, f"has {size_bytes} bytes, more than any network of a student")
    parser = expat.ParserCreate()

    def root(name: str, _attributes: object) -> None:
        if name != ROOT:
            raise _refusal(source, f"not a network: it begins with the element {name[:SHOWN_CHARACTERS]!r}")
        parser.StartElementHandler = None

    def doctype(*_: object) -> NoReturn:
        raise _refusal(source, "has a document type, which can define entities")

    parser.StartElementHandler = root
    parser.StartDoctypeDeclHandler = doctype
    try:
        while chunk := file.read(CHUNK_BYTES):
            parser.Parse(chunk, False)
        parser.Parse(b"", True)
    except expat.ExpatError as error:
        raise _refusal(source, f"cannot be read as XML ({error})") from error


def _refusal(source: str, fault: str) -> InputError:
    return InputError(f"{source}: {fault}", "do not load it; convert the student again")

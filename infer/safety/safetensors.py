"""Checks the header of a .safetensors file before a library reads it: its tensors fill it, none lies on another."""

import math
from typing import Any, BinaryIO

from contract.errors import InputError
from contract.strict import parse_json

LENGTH_BYTES = 8
# A student's header has some 10 KiB; the library itself refuses one of 100 MB.
HEADER_LIMIT_BYTES = 2**24
METADATA = "__metadata__"
BITS = {
    **dict.fromkeys(("BOOL", "U8", "I8", "F8_E4M3", "F8_E5M2"), 8),
    **dict.fromkeys(("U16", "I16", "F16", "BF16"), 16),
    **dict.fromkeys(("U32", "I32", "F32"), 32),
    **dict.fromkeys(("U64", "I64", "F64"), 64),
}
CURE = "do not load it; make its folder again"


def check(file: BinaryIO, size_bytes: int, source: str) -> None:
    """Check the header; the tensors themselves are not read.

    Args:
        file: the file, open at its beginning.
        size_bytes: its size.
        source: its name, to begin an error with.

    Raises:
        InputError: the header is too long, not JSON, or has a key twice; or the tensors overlap, leave a gap, or have
            other sizes than their shapes.
    """
    length = int.from_bytes(file.read(LENGTH_BYTES), "little")
    data_bytes = size_bytes - LENGTH_BYTES - length
    if length > HEADER_LIMIT_BYTES or data_bytes < 0:
        raise InputError(f"{source}: its header claims {length} bytes", CURE)
    header = parse_json(file.read(length), source)
    try:
        spans = sorted(_span(entry) for name, entry in header.items() if name != METADATA)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise InputError(f"{source}: its header does not describe tensors", CURE) from error
    position = 0
    for begin, end in spans:
        if begin != position:
            raise InputError(f"{source}: its tensors overlap, or leave a gap, at byte {min(begin, position)}", CURE)
        position = end
    if position != data_bytes:
        raise InputError(f"{source}: its tensors have {position} bytes, the file {data_bytes}", CURE)


def _span(entry: dict[str, Any]) -> tuple[int, int]:
    """Return where a tensor begins and ends.

    Raises:
        KeyError, TypeError, ValueError: it is not described, or has another size than its shape.
    """
    begin, end = entry["data_offsets"]
    shape = entry["shape"]
    if not all(isinstance(number, int) and number >= 0 for number in (begin, end, *shape)):
        raise ValueError("no numbers")
    if math.prod(shape) * BITS[entry["dtype"]] != 8 * (end - begin):
        raise ValueError("another size")
    return begin, end

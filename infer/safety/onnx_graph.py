"""What an .onnx file must not do: read weights from other files, or use operators that no runtime of ours has.

ONNX Runtime reads external data of any file beside a model, and its location may be hostile. A device has no `onnx`
package, and one that has it would read those files by loading; so the file is walked.
"""

from collections.abc import Callable
from typing import BinaryIO

from contract.errors import InputError
from infer.safety.protobuf import BYTES, DEPTH_LIMIT, VARINT, Field, Walk

# The messages of onnx.proto in which a tensor or a node can stand, by field number. A test holds it against `onnx`.
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
EXTERNAL_DATA = ("TensorProto", 13)
DATA_LOCATION = ("TensorProto", 14)
DOMAINS = (("NodeProto", 7), ("FunctionProto", 10))
LOCATION = b"location"
KNOWN_DOMAINS = ("", "ai.onnx", "ai.onnx.ml", "com.microsoft")
SHOWN_BYTES = 200


def check(file: BinaryIO, size_bytes: int, source: str) -> None:
    """Check an .onnx file before anything loads it.

    Args:
        file: at its beginning.
        size_bytes: of the file.
        source: its name, to begin an error with.

    Raises:
        InputError: it is no .onnx file, keeps tensors in other files, or uses operators of an unknown domain.
    """
    seen: set[tuple[str, int]] = set()
    try:
        _message(Walk(file, size_bytes), "ModelProto", size_bytes, 0, seen, source)
    except ValueError as error:
        raise InputError(f"{source}: cannot be read as ONNX ({error})", "convert the student again") from error
    if GRAPH not in seen:
        raise InputError(f"{source}: cannot be read as ONNX (it has no graph)", "convert the student again")


def _message(walk: Walk, kind: str, end: int, depth: int, seen: set[tuple[str, int]], source: str) -> None:
    if depth > DEPTH_LIMIT:
        raise ValueError("nested too deeply")
    inner = MESSAGES[kind]
    for field in walk.fields(end):
        place = (kind, field.number)
        if field.wire_type == BYTES and field.number in inner:
            seen.add(place)
            _message(walk, inner[field.number], field.end, depth + 1, seen, source)
        elif rule := RULES.get((*place, field.wire_type)):
            rule(walk, field, source)


def _external_data(walk: Walk, field: Field, source: str) -> None:
    key = value = b""
    for part in walk.fields(field.end):
        if part.wire_type == BYTES and part.number == 1:
            key = walk.read(part, SHOWN_BYTES)
        elif part.wire_type == BYTES and part.number == 2:
            value = walk.read(part, SHOWN_BYTES)
    where = f" ({value.decode(errors='replace')!r})" if key == LOCATION else ""
    raise _outside(source, where)


def _data_location(_walk: Walk, field: Field, source: str) -> None:
    if field.value:
        raise _outside(source, "")


def _outside(source: str, where: str) -> InputError:
    return InputError(
        f"{source}: keeps tensors in another file{where}", "do not load it; convert the student to one file"
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
    **{(*place, BYTES): _domain for place in DOMAINS},
}

"""Walks protobuf's wire format forwards, without a schema: a device that runs .onnx files has no library to read them.

Large values are skipped, not read, so the cost of a walk depends on the number of nodes, not of weights.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

VARINT, FIXED_64, BYTES, FIXED_32 = 0, 1, 2, 5
FIXED_SIZE_BYTES = {FIXED_64: 8, FIXED_32: 4}
VARINT_LIMIT_BYTES = 10
# Protobuf's own limits: tags of 32 bits, messages of 2 GiB, a nesting depth of 100.
TAG_LIMIT = LENGTH_LIMIT_BYTES = 2**31
DEPTH_LIMIT = 100
# A student has thousands. A field can be as short as two bytes, so a walk of gigabytes could take hours.
FIELDS_LIMIT = 2_000_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Field:
    """One field of a message.

    Attributes:
        number: its number in the schema.
        wire_type: its encoding.
        value: the value of a varint; 0 for other types.
        end: its end position in the file.
    """

    number: int
    wire_type: int
    value: int
    end: int


class Walk:
    """A file being walked.

    Args:
        file: the file, open at its beginning; it is only read forwards.
        size_bytes: its size.
    """

    def __init__(self, file: BinaryIO, size_bytes: int) -> None:
        self._file = file
        self._position = 0
        self._fields = 0
        self.size_bytes = size_bytes

    def fields(self, end: int) -> Iterator[Field]:
        """Yield the fields from the current position to an end; parts that the caller does not read are skipped.

        Raises:
            ValueError: not protobuf, or so many fields that a walk would take too long.
        """
        while self._position < end:
            self._fields += 1
            if self._fields > FIELDS_LIMIT:
                raise ValueError(f"more than {FIELDS_LIMIT:,} fields")
            field = self._field()
            if field.end > end:
                raise ValueError("a field ends behind its message")
            yield field
            if self._position < field.end:
                self._file.seek(field.end)
                self._position = field.end

    def read(self, field: Field, limit_bytes: int) -> bytes:
        """Return the first bytes of the field that was yielded last."""
        return self._take(min(field.end - self._position, limit_bytes))

    def _field(self) -> Field:
        tag = self._varint()
        number, wire_type = tag >> 3, tag & 7
        if tag >= TAG_LIMIT or number == 0:
            raise ValueError("a field with an impossible number")
        value = self._varint() if wire_type in (VARINT, BYTES) else 0
        if wire_type == BYTES:
            if value >= LENGTH_LIMIT_BYTES:
                raise ValueError("a field longer than 2 GiB")
            return Field(number=number, wire_type=wire_type, value=0, end=self._position + value)
        if wire_type == VARINT:
            return Field(number=number, wire_type=wire_type, value=value, end=self._position)
        if wire_type not in FIXED_SIZE_BYTES:
            raise ValueError(f"a field of wire type {wire_type}")
        return Field(number=number, wire_type=wire_type, value=0, end=self._position + FIXED_SIZE_BYTES[wire_type])

    def _varint(self) -> int:
        value = 0
        for index in range(VARINT_LIMIT_BYTES):
            byte = self._take(1)[0]
            value |= (byte & 0x7F) << (7 * index)
            if byte < 0x80:
                return value
        raise ValueError("a number of more than 10 bytes")

    def _take(self, count: int) -> bytes:
        data = self._file.read(count)
        self._position += len(data)
        if len(data) < count:
            raise ValueError("it is truncated")
        return data

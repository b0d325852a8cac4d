"""Arrays packed as text for records."""

import base64
import zlib
from math import prod
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from contract.errors import InputError
from contract.strict import Strict


class PackedLogits(Strict):
    """The logits of all evaluation sentences, as little-endian float32 in base64."""

    shape: tuple[int, int]
    float32_base64: str

    @classmethod
    def of(cls, logits_NC: NDArray[np.float32]) -> "PackedLogits":
        """Pack logits of shape (N, C)."""
        rows, columns = logits_NC.shape
        data = np.ascontiguousarray(logits_NC, dtype="<f4").tobytes()
        return cls(shape=(rows, columns), float32_base64=base64.b64encode(data).decode())

    def logits_NC(self) -> NDArray[np.float32]:  # noqa: N802  # a shape
        """Unpack the logits."""
        data = base64.b64decode(self.float32_base64)
        return np.frombuffer(data, dtype="<f4").reshape(self.shape).astype(np.float32)


class PackedArray(Strict):
    """An array of any shape, little-endian, compressed by zlib, in base64.

    Attributes:
        dtype: the smallest of these types that holds each number exactly; counts take a byte.
    """

    dtype: Literal["uint8", "float32", "float64"]
    shape: tuple[Annotated[int, Field(ge=0)], ...]
    zlib_base64: str

    @classmethod
    def of(cls, numbers: NDArray[Any]) -> "PackedArray":
        """Pack an array."""
        dtype, exact = _smallest(numbers)
        data = exact.astype(exact.dtype.newbyteorder("<")).tobytes()
        return cls(dtype=dtype, shape=numbers.shape, zlib_base64=base64.b64encode(zlib.compress(data, 9)).decode())

    def numbers(self) -> NDArray[np.float64]:
        """Unpack the array.

        Raises:
            InputError: the data do not have this shape.
        """
        stored = np.dtype(self.dtype).newbyteorder("<")
        size = prod(self.shape) * stored.itemsize
        unpacking = zlib.decompressobj()
        try:
            # Unpack no more than the shape needs, so that a hostile file cannot fill the memory.
            data = unpacking.decompress(base64.b64decode(self.zlib_base64, validate=True), size + 1)
        except (ValueError, zlib.error) as error:
            raise InputError(f"packed numbers cannot be unpacked ({error})") from error
        if len(data) != size:
            raise InputError(f"packed numbers do not have the shape {self.shape}")
        return np.frombuffer(data, dtype=stored).reshape(self.shape).astype(np.float64)


def _smallest(numbers: NDArray[Any]) -> tuple[Literal["uint8", "float32", "float64"], NDArray[Any]]:
    with np.errstate(invalid="ignore", over="ignore"):
        bytes_, singles = numbers.astype(np.uint8), numbers.astype(np.float32)
    if np.array_equal(bytes_, numbers):
        return "uint8", bytes_
    if np.array_equal(singles, numbers):
        return "float32", singles
    return "float64", numbers.astype(np.float64)

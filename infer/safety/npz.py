"""Checks that an .npz has only plain arrays of the declared sizes, and no pickled objects."""

import io
import math
from typing import BinaryIO
from zipfile import ZipFile, ZipInfo

from contract.errors import InputError
from infer.safety import zip_index

# Fifty million tokens. The file is read whole, as by everything that runs a model.
SIZE_LIMIT_BYTES = 256 * 2**20
CURE = "do not load it; make its folder again"


def check(file: BinaryIO, size_bytes: int, source: str) -> None:
    """Check an .npz before anything loads it.

    Args:
        file: the file, open at its beginning.
        size_bytes: its size.
        source: its name, to begin an error with.

    Raises:
        InputError: it is not a plain .npz, or has pickled objects.
    """
    if size_bytes > SIZE_LIMIT_BYTES:
        raise InputError(f"{source}: has {size_bytes} bytes, more than {SIZE_LIMIT_BYTES}", CURE)
    with zip_index.opened(io.BytesIO(file.read(size_bytes)), size_bytes, source) as archive:
        for info in archive.infolist():
            _check_array(archive, info, source)


def _check_array(archive: ZipFile, info: ZipInfo, source: str) -> None:
    from numpy.lib import format as npy

    readers = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}
    with archive.open(info) as member:
        try:
            shape, _, dtype = readers[npy.read_magic(member)](member)
        except (KeyError, ValueError, SyntaxError, TypeError) as error:
            raise InputError(f"{source}: {info.filename!r}: not an array", CURE) from error
        if dtype.hasobject:
            raise InputError(f"{source}: {info.filename!r} has pickled objects", CURE)
        data_bytes = info.file_size - member.tell()
    if min(shape, default=0) < 0 or math.prod(shape) * dtype.itemsize != data_bytes:
        raise InputError(f"{source}: {info.filename!r}: size does not match its shape {shape}", CURE)

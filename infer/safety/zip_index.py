"""Opens a ZIP file so that nothing in it can surprise: what is not plain is refused before a byte of it is unpacked.

Plain means: stored, not compressed, so that a member cannot be larger than the archive; not encrypted; regular files
of different names that stay inside; nothing before, behind or over another.
"""

import stat
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO
from zipfile import ZIP_STORED, BadZipFile, ZipFile, ZipInfo

from contract.errors import InputError
from infer.safety.file_names import check_names

ENCRYPTED = 0x1 | 0x40 | 0x2000  # its traditional, its strong, and its hidden headers
END = struct.Struct("<4s4H2LH")  # the end record: signature, two disks, two counts, size, offset, length of a comment
END_SIGNATURE, LOCATOR_SIGNATURE = b"PK\x05\x06", b"PK\x06\x07"
LOCATOR_SIZE_BYTES = 20
INDEX_LIMIT_BYTES = 2**20
CURE = "do not unpack it; pack the artifact again with tinybert pack"
# What zipfile raises at an archive that is not one.
FAULTS = (BadZipFile, EOFError, NotImplementedError, UnicodeDecodeError, struct.error)


@contextmanager
def opened(file: BinaryIO, size_bytes: int, source: Path | str) -> Iterator[ZipFile]:
    """Open a ZIP file whose index is plain; faults found while it is read end the block with the same error.

    Args:
        file: can be read from any place.
        size_bytes: of the file.
        source: its name, to begin an error with.

    Raises:
        InputError: it is no ZIP file, or not a plain one.
    """
    _check_end(file, size_bytes, source)
    try:
        with ZipFile(file) as archive:
            _check_members(archive.infolist(), size_bytes, source)
            yield archive
    except FAULTS as error:
        raise InputError(f"{source}: cannot be read as an archive ({error})", CURE) from error


def _check_end(file: BinaryIO, size_bytes: int, source: Path | str) -> None:
    """Check the end record, so that `zipfile` reads no index of gigabytes, and none that lies elsewhere."""
    if size_bytes < END.size:
        raise InputError(f"{source}: not an archive", CURE)
    file.seek(max(0, size_bytes - END.size - LOCATOR_SIZE_BYTES))
    tail = file.read()
    signature, disk, index_disk, here, count, length, offset, comment = END.unpack(tail[-END.size :])
    if signature != END_SIGNATURE:
        raise InputError(f"{source}: not an archive, or cut short", CURE)
    whole = offset + length + END.size == size_bytes
    if disk or index_disk or comment or here != count or not whole or tail.startswith(LOCATOR_SIGNATURE):
        raise InputError(f"{source}: holds more than its members and their index", CURE)
    if length > INDEX_LIMIT_BYTES:
        raise InputError(f"{source}: its index has {length} bytes, more than {INDEX_LIMIT_BYTES}", CURE)


def _check_members(members: list[ZipInfo], size_bytes: int, source: Path | str) -> None:
    check_names([info.orig_filename for info in members], str(source), CURE)
    for info in members:
        fault = _fault(info)
        if fault:
            raise InputError(f"{source}: {info.orig_filename!r} {fault}", CURE)
    claimed_bytes = sum(info.file_size for info in members)
    if claimed_bytes > size_bytes:
        raise InputError(f"{source}: its members claim {claimed_bytes} bytes, the archive has {size_bytes}", CURE)


def _fault(info: ZipInfo) -> str:
    if info.flag_bits & ENCRYPTED:
        return "is encrypted"
    kind = stat.S_IFMT(info.external_attr >> 16)
    if kind == stat.S_IFLNK:
        return "is a symlink"
    if kind not in (0, stat.S_IFREG):
        return "is not a regular file"
    if info.compress_type != ZIP_STORED or info.compress_size != info.file_size:
        return f"is compressed: {info.compress_size} bytes that claim to become {info.file_size}"
    return ""

"""Opens plain ZIP files, and refuses all others before any of it is unpacked.

Plain means: stored, not compressed, so that a member cannot be larger than the archive; not encrypted; regular files
with different names that do not lead out; nothing before, after or overlapping a member.
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

ENCRYPTED = 0x1 | 0x40 | 0x2000  # traditional encryption, strong encryption, and hidden headers
END = struct.Struct("<4s4H2LH")  # the end record: signature, two disks, two counts, size, offset, comment length
END_SIGNATURE, LOCATOR_SIGNATURE = b"PK\x05\x06", b"PK\x06\x07"
LOCATOR_SIZE_BYTES = 20
INDEX_LIMIT_BYTES = 2**20
CURE = "do not unpack it; pack the artifact again with tinybert pack"
# What zipfile raises for a broken archive.
FAULTS = (BadZipFile, EOFError, NotImplementedError, UnicodeDecodeError, struct.error)


@contextmanager
def opened(file: BinaryIO, size_bytes: int, source: Path | str) -> Iterator[ZipFile]:
    """Open a ZIP file with a plain index; faults found while members are read raise the same error.

    Args:
        file: the file, seekable.
        size_bytes: its size.
        source: its name, to begin an error with.

    Raises:
        InputError: it is not a plain ZIP file.
    """
    _check_end(file, size_bytes, source)
    try:
        with ZipFile(file) as archive:
            _check_members(archive.infolist(), size_bytes, source)
            yield archive
    except FAULTS as error:
        raise InputError(f"{source}: cannot be read as an archive ({error})", CURE) from error


def _check_end(file: BinaryIO, size_bytes: int, source: Path | str) -> None:
    """Check the end record, so that `zipfile` does not read an index of gigabytes or in another place."""
    if size_bytes < END.size:
        raise InputError(f"{source}: not an archive", CURE)
    file.seek(max(0, size_bytes - END.size - LOCATOR_SIZE_BYTES))
    tail = file.read()
    signature, disk, index_disk, disk_count, count, length, offset, comment = END.unpack(tail[-END.size :])
    if signature != END_SIGNATURE:
        raise InputError(f"{source}: not an archive, or truncated", CURE)
    whole = offset + length + END.size == size_bytes
    if disk or index_disk or comment or disk_count != count or not whole or tail.startswith(LOCATOR_SIGNATURE):
        raise InputError(f"{source}: contains more than its members and their index", CURE)
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

"""The archive of an artifact: a ZIP file that is the same for the same files, byte for byte.

ZIP, because every system unpacks it without tools, and has a checksum of each file, the manifest too. Stored, because
what DEFLATE writes depends on the version of zlib, weights hardly shrink, and a reader that refuses compression cannot
be made to unpack more than it was sent.
"""

import io
import os
import shutil
import stat
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO
from zipfile import ZipFile, ZipInfo

from contract.errors import InputError
from infer.folders.artifact import ARTIFACT_MANIFEST
from infer.safety import zip_index

# Of all files together, 1.9 GiB: from 2 GiB on ZIP is written in another way, and ONNX knows no larger file either.
SIZE_LIMIT_BYTES = 15 * 2**27
HEADERS_LIMIT_BYTES = 2 * zip_index.INDEX_LIMIT_BYTES
EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest time that ZIP knows
UNIX = 3
MODE = stat.S_IFREG | 0o644
CHUNK_BYTES = 2**20

Open = Callable[[str], BinaryIO]


def write(target: BinaryIO, sizes_bytes: Mapping[str, int], open_file: Open) -> None:
    """Write an archive.

    Args:
        target: an empty file.
        sizes_bytes: of the files by name; the manifest is written first, the others in the order of their names.
        open_file: gives a file by its name.
    """
    with ZipFile(target, "w") as archive:
        for name in sorted(sizes_bytes, key=lambda name: (name != ARTIFACT_MANIFEST, name)):
            info = ZipInfo(name, EPOCH)
            info.create_system, info.external_attr, info.file_size = UNIX, MODE << 16, sizes_bytes[name]
            with open_file(name) as source, archive.open(info, "w") as member:
                shutil.copyfileobj(source, member, CHUNK_BYTES)


@contextmanager
def opened(file: BinaryIO, path: Path) -> Iterator[ZipFile]:
    """Open an archive to read its members.

    Raises:
        InputError: it is too large, no ZIP file, or not a plain one.
    """
    size_bytes = os.fstat(file.fileno()).st_size
    if size_bytes > SIZE_LIMIT_BYTES + HEADERS_LIMIT_BYTES:
        raise InputError(f"{path}: has {size_bytes} bytes, more than any file of tinybert pack", zip_index.CURE)
    with zip_index.opened(file, size_bytes, path) as archive:
        yield archive


def check_layout(file: BinaryIO, path: Path, sizes_bytes: Mapping[str, int], open_file: Open) -> None:
    """Check that an archive is, to the byte, what `write` makes of its members.

    So there is nothing in it that a hash of a member does not cover, and nothing another reader could read otherwise.

    Raises:
        InputError: it is not.
    """
    comparison = Comparison(file)
    write(comparison, sizes_bytes, open_file)  # type: ignore[arg-type]  # as much of a file as ZipFile needs
    if not comparison.is_same(os.fstat(file.fileno()).st_size):
        raise InputError(f"{path}: is not as tinybert pack writes it", zip_index.CURE)


class Comparison(io.RawIOBase):
    """A file to write to that keeps nothing: it compares what is written with what stands in another one."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._position = 0
        self._end = 0
        # By position: ZipFile writes a member's header again, in the same length, when it knows its checksum.
        self._differing: set[int] = set()

    def writable(self) -> bool:
        """Return that it can be written to."""
        return True

    def seekable(self) -> bool:
        """Return that the position can be set."""
        return True

    def tell(self) -> int:
        """Return the position."""
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Set the position, from the beginning."""
        assert whence == os.SEEK_SET
        self._position = offset
        return offset

    def write(self, data: bytes) -> int:  # type: ignore[override]  # ZipFile writes bytes only
        """Compare data with what stands here."""
        self._file.seek(self._position)
        if self._file.read(len(data)) == data:
            self._differing.discard(self._position)
        else:
            self._differing.add(self._position)
        self._position += len(data)
        self._end = max(self._end, self._position)
        return len(data)

    def is_same(self, size_bytes: int) -> bool:
        """Tell whether all that stands at last is what the other file holds, and that has no more bytes."""
        return not self._differing and self._end == size_bytes

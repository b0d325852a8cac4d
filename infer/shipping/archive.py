"""The archive of an artifact: a ZIP file with the same bytes for the same files.

ZIP, because every system can unpack it and it has a checksum for each file, including the manifest. Stored, because the
output of DEFLATE depends on the version of zlib, weights hardly shrink, and a reader that refuses compression cannot be
made to unpack more than it received.
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

# For all files together, 1.9 GiB: from 2 GiB on, ZIP uses another layout, and ONNX has no larger files either.
SIZE_LIMIT_BYTES = 15 * 2**27
HEADERS_LIMIT_BYTES = 2 * zip_index.INDEX_LIMIT_BYTES
EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest time in ZIP
UNIX = 3
MODE = stat.S_IFREG | 0o644
CHUNK_BYTES = 2**20

Open = Callable[[str], BinaryIO]


def write(target: BinaryIO, sizes_bytes: Mapping[str, int], open_file: Open) -> None:
    """Write an archive.

    Args:
        target: an empty file.
        sizes_bytes: sizes of the files by name; the manifest is written first, then the others in order of name.
        open_file: opens a file by name.
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
        InputError: it is too large or not a plain ZIP file.
    """
    size_bytes = os.fstat(file.fileno()).st_size
    if size_bytes > SIZE_LIMIT_BYTES + HEADERS_LIMIT_BYTES:
        raise InputError(f"{path}: has {size_bytes} bytes, more than any archive of tinybert pack", zip_index.CURE)
    with zip_index.opened(file, size_bytes, path) as archive:
        yield archive


def check_layout(file: BinaryIO, path: Path, sizes_bytes: Mapping[str, int], open_file: Open) -> None:
    """Check that an archive has exactly the bytes that `write` makes of its members.

    So each byte is covered by the hash of a member, and all readers agree about the content.

    Raises:
        InputError: it has other bytes.
    """
    comparison = _Comparison(file)
    write(comparison, sizes_bytes, open_file)  # type: ignore[arg-type]  # ZipFile needs no more of a file
    if not comparison.is_same(os.fstat(file.fileno()).st_size):
        raise InputError(f"{path}: was not written by tinybert pack", zip_index.CURE)


class _Comparison(io.RawIOBase):
    """A file that stores nothing, but compares what is written to it with the content of another file."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._position = 0
        self._end = 0
        # By position, because ZipFile rewrites a member's header, in the same length, when it knows the checksum.
        self._differing: set[int] = set()

    def writable(self) -> bool:
        """Return true."""
        return True

    def seekable(self) -> bool:
        """Return true."""
        return True

    def tell(self) -> int:
        """Return the position."""
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Set the position from the beginning."""
        assert whence == os.SEEK_SET
        self._position = offset
        return offset

    def write(self, data: bytes) -> int:  # type: ignore[override]  # ZipFile writes bytes only
        """Compare data with the other file at this position."""
        self._file.seek(self._position)
        if self._file.read(len(data)) == data:
            self._differing.discard(self._position)
        else:
            self._differing.add(self._position)
        self._position += len(data)
        self._end = max(self._end, self._position)
        return len(data)

    def is_same(self, size_bytes: int) -> bool:
        """Return whether the final content is that of the other file, which has this size."""
        return not self._differing and self._end == size_bytes

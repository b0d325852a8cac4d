"""The contents of a finished folder or of its archive: names, sizes, and a way to read each file."""

import io
import os
import stat
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from contract.errors import InputError
from contract.files import open_regular
from infer.safety.file_names import COUNT_LIMIT
from infer.shipping import archive

CURE = "copy or make the folder again"


@dataclass(frozen=True, kw_only=True, slots=True)
class Contents:
    """The files of a folder or an archive.

    Attributes:
        path: path of the folder or the archive.
        sizes_bytes: size of each file, by name with forward slashes.
        open: opens a file by name, to be read forwards.
    """

    path: Path
    sizes_bytes: Mapping[str, int]
    open: Callable[[str], BinaryIO]

    def read(self, name: str, limit_bytes: int, cure: str = CURE) -> bytes:
        """Read a file into memory.

        Raises:
            InputError: it is larger than the limit.
        """
        if self.sizes_bytes[name] > limit_bytes:
            raise InputError(f"{self.path / name}: has more than {limit_bytes} bytes", cure)
        with self.open(name) as file:
            return file.read(limit_bytes)

    def without(self, name: str) -> "Contents":
        """Return the same files but one."""
        return replace(self, sizes_bytes={other: size for other, size in self.sizes_bytes.items() if other != name})

    def with_file(self, name: str, data: bytes) -> "Contents":
        """Return the same files and one more, or another in place of one."""

        def open_file(other: str) -> BinaryIO:
            return io.BytesIO(data) if other == name else self.open(other)

        return replace(self, sizes_bytes={**self.sizes_bytes, name: len(data)}, open=open_file)


@contextmanager
def contents(path: Path) -> Iterator[Contents]:
    """Yield the contents of a folder or an archive.

    Raises:
        InputError: it is neither, or has something that is not a regular file.
    """
    if path.is_dir():
        yield of_folder(path)
        return
    with open_regular(path) as file, of_archive(file, path) as archived:
        yield archived


def of_folder(folder: Path) -> Contents:
    """List a folder.

    Raises:
        InputError: it has a symlink, FIFO, socket or device.
    """
    sizes_bytes: dict[str, int] = {}
    for parent, folders, files in os.walk(folder, onerror=_raise):
        for path in (Path(parent, name) for name in sorted(folders + files)):
            status = path.lstat()
            if stat.S_ISREG(status.st_mode):
                sizes_bytes[path.relative_to(folder).as_posix()] = status.st_size
            elif not stat.S_ISDIR(status.st_mode):
                kind = "a symlink" if stat.S_ISLNK(status.st_mode) else "not a regular file"
                raise InputError(f"{path}: is {kind}", CURE)
            if len(sizes_bytes) > COUNT_LIMIT:
                raise InputError(f"{folder}: has more than {COUNT_LIMIT} files", "name a finished folder")
    return Contents(path=folder, sizes_bytes=sizes_bytes, open=lambda name: open_regular(folder / name))


@contextmanager
def of_archive(file: BinaryIO, path: Path) -> Iterator[Contents]:
    """List an archive, which must have exactly the bytes that `tinybert pack` makes of its members.

    Args:
        file: the open archive.
        path: its path.

    Raises:
        InputError: it is not an archive of `tinybert pack`.
    """
    with archive.opened(file, path) as members:
        sizes_bytes = {info.filename: info.file_size for info in members.infolist()}

        def open_member(name: str) -> BinaryIO:
            return members.open(name)  # type: ignore[return-value]  # typeshed has IO[bytes]

        yield Contents(path=path, sizes_bytes=sizes_bytes, open=open_member)
        archive.check_layout(file, path, sizes_bytes, open_member)


def _raise(error: OSError) -> None:
    raise error

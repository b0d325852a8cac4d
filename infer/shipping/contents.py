"""What lies in a finished folder, or in the archive of one: names, sizes, and a way to read each file."""

import os
import stat
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from contract.errors import InputError
from contract.files import open_regular
from infer.safety.file_names import COUNT_LIMIT
from infer.shipping import archive

CURE = "copy or make the folder again"


@dataclass(frozen=True, kw_only=True, slots=True)
class Contents:
    """Files to be checked.

    Attributes:
        path: of the folder or the archive.
        sizes_bytes: of each file, by its name with forward slashes.
        open: gives a file by its name; it is read forwards.
    """

    path: Path
    sizes_bytes: Mapping[str, int]
    open: Callable[[str], BinaryIO]


@contextmanager
def contents(path: Path) -> Iterator[Contents]:
    """Give what lies in a folder or an archive.

    Raises:
        InputError: it is neither, or holds what is no regular file.
    """
    if path.is_dir():
        yield of_folder(path)
        return
    with open_regular(path) as file, of_archive(file, path) as found:
        yield found


def of_folder(folder: Path) -> Contents:
    """List a folder.

    Raises:
        InputError: it holds a symlink, FIFO, socket or device.
    """
    sizes_bytes: dict[str, int] = {}
    for place, folders, files in os.walk(folder, onerror=_raise):
        for path in (Path(place, name) for name in sorted(folders + files)):
            status = path.lstat()
            if stat.S_ISREG(status.st_mode):
                sizes_bytes[path.relative_to(folder).as_posix()] = status.st_size
            elif not stat.S_ISDIR(status.st_mode):
                kind = "a symlink" if stat.S_ISLNK(status.st_mode) else "no regular file"
                raise InputError(f"{path}: is {kind}", CURE)
            if len(sizes_bytes) > COUNT_LIMIT:
                raise InputError(f"{folder}: holds more than {COUNT_LIMIT} files", "name a finished folder")
    return Contents(path=folder, sizes_bytes=sizes_bytes, open=lambda name: open_regular(folder / name))


@contextmanager
def of_archive(file: BinaryIO, path: Path) -> Iterator[Contents]:
    """List an archive, which must be just what `tinybert pack` makes of its members.

    Args:
        file: the archive, open.
        path: its name.

    Raises:
        InputError: it is no archive, or another one.
    """
    with archive.opened(file, path) as members:
        sizes_bytes = {info.filename: info.file_size for info in members.infolist()}

        def open_member(name: str) -> BinaryIO:
            return members.open(name)  # type: ignore[return-value]  # typeshed knows it as IO[bytes]

        yield Contents(path=path, sizes_bytes=sizes_bytes, open=open_member)
        archive.check_layout(file, path, sizes_bytes, open_member)


def _raise(error: OSError) -> None:
    raise error

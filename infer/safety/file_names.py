"""Checks the names of files in a folder or an archive, which any system may unpack."""

from collections.abc import Iterable
from pathlib import PurePosixPath, PureWindowsPath

from contract.errors import InputError

COUNT_LIMIT = 1000


def check_names(names: Iterable[str], source: str, cure: str) -> None:
    """Check that no name leads out of the folder, and that no two names mean the same file on any system.

    Args:
        names: the names, with forward slashes.
        source: the file that has them, to begin an error with.
        cure: the end of an error.

    Raises:
        InputError: a name leads out, is not in its simplest form, or is repeated.
    """
    folded: set[str] = set()
    for name in names:
        if leads_out(name):
            raise InputError(f"{source}: {name!r} leads out of the folder", cure)
        if PurePosixPath(name).as_posix() != name or not name.isprintable():
            raise InputError(f"{source}: {name!r} is not a plain file name", cure)
        # Windows and macOS do not distinguish upper and lower case.
        if name.casefold() in folded:
            raise InputError(f"{source}: {name!r} is in it twice", cure)
        folded.add(name.casefold())
        if len(folded) > COUNT_LIMIT:
            raise InputError(f"{source}: names more than {COUNT_LIMIT} files", cure)


def leads_out(name: str) -> bool:
    """Return whether a name leads out of the folder it is joined to, on POSIX or on Windows."""
    windows = PureWindowsPath(name)
    return bool(windows.anchor or PurePosixPath(name).anchor or ".." in windows.parts or "\\" in name)

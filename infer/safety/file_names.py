"""Names of files inside a folder or an archive, as every system may unpack them."""

from collections.abc import Iterable
from pathlib import PurePosixPath, PureWindowsPath

from contract.errors import InputError

COUNT_LIMIT = 1000


def check_names(names: Iterable[str], source: str, cure: str) -> None:
    """Check that each name stays inside, and that no two are of one file anywhere.

    Args:
        names: with forward slashes.
        source: what names them, to begin an error with.
        cure: to end an error with.

    Raises:
        InputError: a name leads out, is not in its simplest form, or stands twice.
    """
    seen: set[str] = set()
    for name in names:
        if leads_out(name):
            raise InputError(f"{source}: {name!r} leads out of the folder", cure)
        if PurePosixPath(name).as_posix() != name or not name.isprintable():
            raise InputError(f"{source}: {name!r} is not a plain file name", cure)
        # Windows and macOS know no difference between upper and lower case.
        if name.casefold() in seen:
            raise InputError(f"{source}: {name!r} stands in it twice", cure)
        seen.add(name.casefold())
        if len(seen) > COUNT_LIMIT:
            raise InputError(f"{source}: names more than {COUNT_LIMIT} files", cure)


def leads_out(name: str) -> bool:
    """Tell whether a name leads out of the folder it is joined to, on POSIX or on Windows."""
    windows = PureWindowsPath(name)
    return bool(windows.anchor or PurePosixPath(name).anchor or ".." in windows.parts or "\\" in name)

"""Checks the names of files in a folder or an archive, which any system may unpack."""

from collections.abc import Iterable

from contract.errors import InputError
from contract.names import check_file_name

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
        try:
            check_file_name(name)
        except ValueError as error:
            raise InputError(f"{source}: {error}", cure) from error
        # Windows and macOS do not distinguish upper and lower case.
        if name.casefold() in folded:
            raise InputError(f"{source}: {name!r} is in it twice", cure)
        folded.add(name.casefold())
        if len(folded) > COUNT_LIMIT:
            raise InputError(f"{source}: names more than {COUNT_LIMIT} files", cure)

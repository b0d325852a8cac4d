"""The names in documents that become parts of a path. Standard library only, because the measuring process checks them.

A document may be a stranger's, and a name such as `../../x` would write where its reader never meant to.
"""

import re
import unicodedata
from pathlib import PurePosixPath, PureWindowsPath

LIMIT_CHARACTERS = 100  # with what is added to it, shorter than any file system's limit
# No space and nothing that a shell reads, because reports name commands to copy.
PLAIN = re.compile(r"\w[\w.+-]*")
OTHER = re.compile(r"[^\w.+-]+")


def check_slug(name: str) -> str:
    """Return a name that can be a file's or a folder's on any system.

    Raises:
        ValueError: it has other characters than letters, digits and `_.+-`, begins with one of `.+-`, or is too long.
    """
    if len(name) > LIMIT_CHARACTERS:
        raise ValueError(f"{name[:LIMIT_CHARACTERS]!r}… has more than {LIMIT_CHARACTERS} characters")
    if not PLAIN.fullmatch(name) or name.endswith("."):  # Windows drops a last dot
        raise ValueError(f"{name!r} is not a plain name: use letters, digits and _.+-, and begin with no sign")
    return name


def slug_of(text: str) -> str:
    """Return the plain name that is most like a text, such as a file's name."""
    plain = OTHER.sub("-", unicodedata.normalize("NFC", text)).lstrip(".+-")[:LIMIT_CHARACTERS].rstrip(".-")
    return plain or "unnamed"


def check_file_name(name: str) -> str:
    """Return the path of a file below a folder, with forward slashes and in its simplest form.

    Raises:
        ValueError: it leads out of the folder, or is not in its simplest form.
    """
    if leads_out(name):
        raise ValueError(f"{name!r} leads out of the folder")
    if PurePosixPath(name).as_posix() != name or name == "." or not name.isprintable():
        raise ValueError(f"{name!r} is not a plain file name")
    return name


def leads_out(name: str) -> bool:
    """Return whether a name leads out of the folder it is joined to, on POSIX or on Windows."""
    windows = PureWindowsPath(name)
    return bool(windows.anchor or PurePosixPath(name).anchor or ".." in windows.parts or "\\" in name)

"""A folder with a manifest: the contract between two stages.

A stage builds its folder beside the final place and moves it there when it is whole, manifest written last. So a
folder with a manifest is a finished one, and a folder is named by what went into it: a stage that finds its own
key does nothing.
"""

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from glob import escape
from pathlib import Path
from typing import Any, Literal, TypeVar

from contract.digest import sha256_of_file
from contract.errors import InputError
from contract.files import sync_folder, write_atomic
from contract.strict import Strict, json_value, parse

SCHEMA_VERSION = 2


class NewerLayoutError(InputError):
    """A folder was written by a newer version of this tool, which must not overwrite it."""


class FileEntry(Strict):
    """Size in bytes and SHA-256 of one file of a folder."""

    sha256: str
    size_bytes: int


class Manifest(Strict):
    """What a finished folder says of itself; each kind of folder adds its own fields.

    Attributes:
        schema_version: the version of the folder's layout.
        key: hash of everything the folder was made from; two folders with one key are interchangeable.
        files: every file of the folder but the manifest, by its path with forward slashes.
        parents: identity of each folder this one was made from, by role (`teacher`, `student`).
        tool_versions: the libraries that made it.
    """

    schema_version: Literal[1, 2]
    key: str
    files: dict[str, FileEntry]
    parents: dict[str, str]
    tool_versions: dict[str, str]

    @property
    def size_bytes(self) -> int:
        """Size of all files together."""
        return sum(entry.size_bytes for entry in self.files.values())

    @classmethod
    def from_layout_1(cls, value: dict[str, Any]) -> dict[str, Any]:
        """Return what a manifest of layout 1 says in the keys of this one; the same unless a kind of folder differs."""
        return value


Kind = TypeVar("Kind", bound=Manifest)


@contextmanager
def building(folder: Path) -> Iterator[Path]:
    """Give a scratch folder that takes the final place when the block ends well, and goes away when it does not."""
    scratch = folder.parent / f".{folder.name}.partial-{os.getpid()}"
    clear_leftovers(folder)
    scratch.mkdir(parents=True)
    try:
        yield scratch
        _replace(scratch, folder)
    except BaseException:
        shutil.rmtree(scratch, ignore_errors=True)
        raise


def check_unfinished(folder: Path) -> None:
    """Check that a folder to work in is not itself a finished one, which other files would spoil.

    Raises:
        InputError: a manifest lies in it.
    """
    fields = {name for name, field in Manifest.model_fields.items() if field.is_required()}
    for path in sorted(folder.glob("*.json")):
        try:
            found = json.loads(path.read_bytes())
        except ValueError:
            continue
        if isinstance(found, dict) and fields <= found.keys():
            raise InputError(f"{folder}: is a finished folder ({path.name})", "choose another --out")


def inventory(folder: Path) -> dict[str, FileEntry]:
    """List every file below a folder with its size and hash."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {
        path.relative_to(folder).as_posix(): FileEntry(sha256=sha256_of_file(path), size_bytes=path.stat().st_size)
        for path in files
    }


def write_manifest(path: Path, manifest: Manifest) -> None:
    """Write a folder's manifest, the last file of it."""
    write_atomic(path, manifest.model_dump_json(indent=2) + "\n")


def read_manifest(path: Path, kind: type[Kind]) -> Kind:
    """Read a folder's manifest.

    Raises:
        InputError: it is missing, of a newer layout, or not of this kind.
    """
    if not path.is_file():
        raise InputError(
            f"{path.parent}: no {path.name}, so not a finished folder of that kind",
            "make it again with the command that writes it",
        )
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error
    return parse_manifest(data, kind, str(path))


def parse_manifest(data: bytes, kind: type[Kind], source: str) -> Kind:
    """Read a manifest from its bytes.

    Args:
        data: the file's.
        kind: of manifest.
        source: the file's name, to begin an error with.

    Raises:
        InputError: it is of a newer layout, or not of this kind.
    """
    value = json_value(data, source)
    version = value.get("schema_version") if isinstance(value, dict) else None
    if isinstance(version, int) and version > SCHEMA_VERSION:
        raise NewerLayoutError(
            f"{source}: layout {version} is newer than the {SCHEMA_VERSION} this tool knows",
            "upgrade tinybert-edge",
        )
    return parse(kind, kind.from_layout_1(value) if version == 1 else value, source)


def verify(folder: Path, manifest: Manifest) -> None:
    """Check that every file of a folder is the one its manifest names.

    Raises:
        InputError: a file is missing, no regular file, outside the folder, or not the same bytes.
    """
    for name, entry in manifest.files.items():
        path = folder / name
        if Path(name).is_absolute() or ".." in Path(name).parts:
            raise InputError(f"{folder}: {name!r} leads out of the folder", "do not use it")
        if path.is_symlink() or not path.resolve().is_relative_to(folder.resolve()) or not path.is_file():
            raise InputError(f"{path}: missing or not a regular file", "make the folder again")
        size_bytes = path.stat().st_size
        if size_bytes != entry.size_bytes:
            raise InputError(
                f"{path}: has {size_bytes} bytes, not the {entry.size_bytes} of its manifest",
                "it was changed or cut; make or copy the folder again",
            )
        if sha256_of_file(path) != entry.sha256:
            raise InputError(
                f"{path}: its SHA-256 is not the one of its manifest",
                "it was changed; make or copy the folder again",
            )


def is_finished(path: Path, kind: type[Kind], key: str) -> bool:
    """Tell whether a folder with this manifest stands whole and was made from the same things.

    Raises:
        NewerLayoutError: a newer version of this tool wrote it.
    """
    try:
        manifest = read_manifest(path, kind)
        if manifest.key == key:
            verify(path.parent, manifest)
            return True
    except NewerLayoutError:
        raise
    except InputError:
        return False  # damaged or half copied: it is made again
    return False


def identity(path: Path) -> str:
    """Return a finished folder's identity: the SHA-256 of its manifest, which holds the hash of every file."""
    return sha256_of_file(path)


def clear_leftovers(folder: Path) -> None:
    """Put back a folder that a killed process had moved aside, and remove what else such processes left."""
    import psutil

    for path in sorted(folder.parent.glob(f".{escape(folder.name)}.*-*")):
        kind, _, pid = path.name.removeprefix(f".{folder.name}.").partition("-")
        if kind not in ("partial", "old") or not pid.isdigit():
            continue
        if int(pid) != os.getpid() and psutil.pid_exists(int(pid)):
            continue
        if kind == "old" and not folder.exists():
            path.rename(folder)
        else:
            shutil.rmtree(path, ignore_errors=True)


def _replace(scratch: Path, folder: Path) -> None:
    old = folder.parent / f".{folder.name}.old-{os.getpid()}"
    if folder.exists():
        folder.rename(old)
    try:
        scratch.rename(folder)
    except BaseException:
        if old.exists():
            old.rename(folder)
        raise
    sync_folder(folder.parent)
    shutil.rmtree(old, ignore_errors=True)

"""A folder with a manifest: the contract between two stages.

A stage builds its folder under a temporary name, writes the manifest last and then renames the folder. So a folder with
a manifest is finished. The manifest's key says what the folder was made from: a stage that finds its key does nothing.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from glob import escape
from pathlib import Path
from typing import Any, Literal, TypeVar

from contract.digest import sha256_of_file
from contract.errors import InputError
from contract.files import read_limited, sync_folder, write_atomic
from contract.strict import Count, FileName, Sha256, Slug, Strict, parse, parse_json, read_json_value

SCHEMA_VERSION = 2
MANIFEST_LIMIT_BYTES = 2**20


class NewerLayoutError(InputError):
    """A folder was written by a newer version of this tool, which must not overwrite it."""


class FileEntry(Strict):
    """Size in bytes and SHA-256 of one file of a folder."""

    sha256: Sha256
    size_bytes: Count


class Manifest(Strict):
    """The manifest of a finished folder; each kind of folder adds fields.

    Attributes:
        schema_version: version of the folder's layout.
        key: hash of everything the folder was made from; folders with the same key are interchangeable.
        files: every file of the folder except the manifest, by path with forward slashes.
        parents: identities of the folders it was made from, by role (`teacher`, `student`).
        tool_versions: versions of the libraries that made it.
    """

    schema_version: Literal[1, 2]
    key: str
    files: dict[FileName, FileEntry]
    parents: dict[Slug, Sha256]
    tool_versions: dict[str, str]

    @property
    def size_bytes(self) -> int:
        """Total size of the files."""
        return sum(entry.size_bytes for entry in self.files.values())

    @classmethod
    def from_layout_1(cls, value: dict[str, Any]) -> dict[str, Any]:
        """Convert the keys of a manifest of layout 1 to this layout; a kind of folder overrides this if they differ."""
        return value


Kind = TypeVar("Kind", bound=Manifest)


@contextmanager
def building(folder: Path) -> Iterator[Path]:
    """Yield a scratch folder that replaces the final one when the block succeeds, and is removed when it fails."""
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
    """Check that an output folder is not itself a finished folder, which more files would invalidate.

    Raises:
        InputError: it has a manifest.
    """
    fields = {name for name, field in Manifest.model_fields.items() if field.is_required()}
    for path in sorted(folder.glob("*.json")):
        try:
            value = read_json_value(path)
        except InputError:
            continue
        if isinstance(value, dict) and fields <= value.keys():
            raise InputError(f"{folder}: is a finished folder ({path.name})", "choose another --out")


def inventory(folder: Path) -> dict[str, FileEntry]:
    """List every file below a folder with its size and hash."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {
        path.relative_to(folder).as_posix(): FileEntry(sha256=sha256_of_file(path), size_bytes=path.stat().st_size)
        for path in files
    }


def write_manifest(path: Path, manifest: Manifest) -> None:
    """Write a folder's manifest, which must be its last file."""
    write_atomic(path, manifest.model_dump_json(indent=2) + "\n")


def read_manifest(path: Path, kind: type[Kind]) -> Kind:
    """Read a folder's manifest.

    Raises:
        InputError: it is missing, too large, of a newer layout, or not of this kind.
    """
    if not path.is_file():
        raise InputError(
            f"{path.parent}: no {path.name}, so not a finished folder of that kind",
            "make it again with the command that writes it",
        )
    try:
        data = read_limited(path, MANIFEST_LIMIT_BYTES)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error
    return parse_manifest(data, kind, str(path))


def parse_manifest(data: bytes, kind: type[Kind], source: str) -> Kind:
    """Read a manifest from its bytes.

    Args:
        data: the file's bytes.
        kind: the kind of manifest to expect.
        source: the file's name, to begin an error with.

    Raises:
        InputError: it is of a newer layout, or not of this kind.
    """
    try:
        return _parse_manifest(parse_json(data, source), kind, source)
    except InputError as error:
        if error.cure:
            raise
        raise InputError(error.cause, "make or copy its folder again") from error


def _parse_manifest(value: Any, kind: type[Kind], source: str) -> Kind:
    version = value.get("schema_version") if isinstance(value, dict) else None
    if isinstance(version, int) and version > SCHEMA_VERSION:
        raise NewerLayoutError(
            f"{source}: layout {version} is newer than the {SCHEMA_VERSION} this tool knows",
            "upgrade tinybert-edge",
        )
    return parse(kind, kind.from_layout_1(value) if version == 1 else value, source)


def verify(folder: Path, manifest: Manifest) -> None:
    """Check every file of a folder against its manifest.

    Raises:
        InputError: a file is missing, not regular, outside the folder, or has other bytes.
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
    """Return whether a folder is complete, unchanged and has this key.

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
        return False  # damaged or partly copied: it is made again
    return False


def identity(path: Path) -> str:
    """Return a finished folder's identity: the SHA-256 of its manifest, which holds the hash of every file."""
    return sha256_of_file(path)


def clear_leftovers(folder: Path) -> None:
    """Restore a folder that a killed process had moved aside, and remove other leftovers of such processes."""
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

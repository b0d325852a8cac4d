"""Packs an artifact folder into one archive."""

import stat
from dataclasses import dataclass
from pathlib import Path

from contract.digest import sha256_of_file
from contract.errors import InputError
from contract.files import replacing
from contract.folder import MANIFEST_LIMIT_BYTES
from infer.folders.artifact import ARTIFACT_MANIFEST, EVALUATION
from infer.shipping import archive, signature
from infer.shipping.contents import Contents, of_archive, of_folder
from infer.shipping.verify import Verified, verify_contents

# In the header of the first member, whose name identifies our archives.
SIGNATURE = b"PK\x03\x04"
NAME_OFFSET_BYTES = 30


@dataclass(frozen=True, kw_only=True, slots=True)
class Packed:
    """An archive that was written.

    Attributes:
        path: the archive.
        sha256: SHA-256 of its bytes.
        artifact: the artifact in it.
    """

    path: Path
    sha256: str
    size_bytes: int
    artifact: Verified


def pack(artifact: Path, out: Path, *, with_evaluation: bool = False, key: Path | None = None) -> Packed:
    """Write the archive of an artifact folder; the same artifact and options give the same bytes.

    Args:
        artifact: the folder; it is verified first, and so is the archive before it replaces an older one.
        out: the file to write; an older archive is replaced.
        with_evaluation: whether to include the sentences that `tinybert bench` measures, which can be read as text.
        key: an SSH key to sign the manifest with, and so all files, whose hashes are in it.

    Raises:
        InputError: the folder fails verification, `out` is not an archive, the key cannot sign, or the archive
            cannot be written; an existing file at `out` is unchanged.
    """
    if not artifact.is_dir():
        raise InputError(f"{artifact}: not a folder", "name an artifact folder, as tinybert convert writes it")
    _check_out(artifact, out)
    contents = of_folder(artifact)
    verified = verify_contents(contents)
    if verified.manifest_file != ARTIFACT_MANIFEST:
        raise InputError(f"{artifact}: is a {verified.kind}, not an artifact", "convert it first: tinybert convert")
    if not with_evaluation:
        contents = contents.without(EVALUATION)
    if key is not None:
        manifest = contents.read(ARTIFACT_MANIFEST, MANIFEST_LIMIT_BYTES)
        contents = contents.with_file(ARTIFACT_MANIFEST + signature.SUFFIX, signature.sign(manifest, key))
    _check_size(contents)
    _write(contents, out, verified.sha256)
    return Packed(path=out, sha256=sha256_of_file(out), size_bytes=out.stat().st_size, artifact=verified)


def _check_size(contents: Contents) -> None:
    size_bytes = sum(contents.sizes_bytes.values())
    if size_bytes > archive.SIZE_LIMIT_BYTES:
        raise InputError(
            f"{contents.path}: has {size_bytes} bytes, too many for one archive", "copy the folder instead"
        )


def _write(contents: Contents, out: Path, sha256: str) -> None:
    try:
        with replacing(out) as file:
            archive.write(file, contents.sizes_bytes, contents.open)
            file.flush()
            with of_archive(file, out) as written:
                if verify_contents(written).sha256 != sha256:
                    raise InputError(f"{contents.path}: was changed while it was packed", "pack it again")
    except OSError as error:
        cure = "make room, or choose another --out"
        raise InputError(f"{out}: not written ({error.strerror or error})", cure) from error


def _check_out(artifact: Path, out: Path) -> None:
    if out.resolve().is_relative_to(artifact.resolve()):
        raise InputError(f"{out}: is in the artifact folder", "choose another --out")
    try:
        is_regular = stat.S_ISREG(out.lstat().st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return
    if not is_regular or not _is_ours(out):
        raise InputError(f"{out}: exists, and was not written by tinybert pack", "choose another --out, or remove it")


def _is_ours(path: Path) -> bool:
    with path.open("rb") as file:
        header = file.read(NAME_OFFSET_BYTES + len(ARTIFACT_MANIFEST))
    return header.startswith(SIGNATURE) and header[NAME_OFFSET_BYTES:] == ARTIFACT_MANIFEST.encode()

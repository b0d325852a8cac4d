"""Verifies a folder or an archive: every file is the one its manifest names, there is no other, and none is hostile.

Nothing is unpacked or loaded: files are streamed through their hash, and models are walked.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from contract.errors import InputError
from contract.folder import FileEntry, Manifest, parse_manifest
from contract.tokenizer import parse_tokenizer
from infer import runtimes
from infer.folders.artifact import ARTIFACT_MANIFEST, TOKENIZER, Artifact
from infer.folders.student import STUDENT_MANIFEST, TEACHER_MANIFEST, Student, Teacher
from infer.safety import model_file, npz
from infer.safety.file_names import check_names
from infer.shipping.contents import Contents, contents

KINDS: dict[str, type[Manifest]] = {
    ARTIFACT_MANIFEST: Artifact,
    STUDENT_MANIFEST: Student,
    TEACHER_MANIFEST: Teacher,
}
MANIFEST_LIMIT_BYTES = 2**20
# The largest known have some 20 MiB; a larger one is not read into memory for a look.
TOKENIZER_LIMIT_BYTES = 2**26
CHUNK_BYTES = 2**20
NAMED_LIMIT = 5
PICKLES = (".bin", ".ckpt", ".joblib", ".pickle", ".pkl", ".pt", ".pth")
CURE = "it was changed or cut; make or copy it again"


@dataclass(frozen=True, kw_only=True, slots=True)
class Verified:
    """What was found good.

    Attributes:
        path: the folder or archive.
        manifest_file: the name of its manifest, which tells what it is.
        sha256: its identity: that of the manifest, which holds the hash of every other file.
    """

    path: Path
    manifest_file: str
    manifest: Manifest
    sha256: str

    @property
    def kind(self) -> str:
        """What it is: artifact, student or teacher."""
        return PurePosixPath(self.manifest_file).stem


def verify(path: Path) -> Verified:
    """Check a folder or an archive.

    Raises:
        InputError: the first fault that was found.
    """
    with contents(path) as found:
        return verify_contents(found)


def verify_contents(found: Contents, *, parses_tokenizer: bool = True) -> Verified:
    """Check the files of a folder or an archive; raises as `verify` does.

    Args:
        found: The files.
        parses_tokenizer: Whether to parse the tokenizer, the slowest check; who loads it next need not.
    """
    name = _manifest_file(found)
    data = _manifest_bytes(found, name)
    manifest = parse_manifest(data, KINDS[name], _place(found, name))
    check_names([*manifest.files, name], _place(found, name), "do not use it")
    _check_complete(found, manifest, name)
    for file, entry in manifest.files.items():
        _check_file(found, file, entry)
    _check_safe(found, manifest)
    if parses_tokenizer:
        _check_tokenizer(found, manifest)
    return Verified(path=found.path, manifest_file=name, manifest=manifest, sha256=hashlib.sha256(data).hexdigest())


def _place(found: Contents, name: str) -> str:
    return str(found.path / name)


def _manifest_file(found: Contents) -> str:
    for name in KINDS:
        if name in found.sizes_bytes:
            return name
    raise InputError(
        f"{found.path}: holds no {', '.join(KINDS)}",
        "name a folder that tinybert convert or distill has written, or a file of tinybert pack",
    )


def _manifest_bytes(found: Contents, name: str) -> bytes:
    if found.sizes_bytes[name] > MANIFEST_LIMIT_BYTES:
        raise InputError(f"{_place(found, name)}: has more than {MANIFEST_LIMIT_BYTES} bytes", CURE)
    with found.open(name) as file:
        return file.read(MANIFEST_LIMIT_BYTES)


def _check_complete(found: Contents, manifest: Manifest, name: str) -> None:
    extra = sorted(set(found.sizes_bytes) - {*manifest.files, name})
    if extra:
        named = ", ".join(map(repr, extra[:NAMED_LIMIT])) + (", …" if len(extra) > NAMED_LIMIT else "")
        raise InputError(f"{found.path}: extra file that {name} does not list: {named}", "delete it, or do not use it")
    missing = sorted(set(manifest.files) - set(found.sizes_bytes))
    if missing:
        raise InputError(f"{_place(found, missing[0])}: missing", CURE)


def _check_file(found: Contents, name: str, entry: FileEntry) -> None:
    size_bytes = found.sizes_bytes[name]
    if size_bytes != entry.size_bytes:  # before it is read, which might take for ever
        raise InputError(
            f"{_place(found, name)}: has {size_bytes} bytes, not the {entry.size_bytes} of its manifest", CURE
        )
    digest = hashlib.sha256()
    with found.open(name) as file:
        while chunk := file.read(CHUNK_BYTES):
            digest.update(chunk)
    if digest.hexdigest() != entry.sha256:
        raise InputError(f"{_place(found, name)}: its SHA-256 is not the one of its manifest", CURE)


def _check_safe(found: Contents, manifest: Manifest) -> None:
    """Check the files whose hashes are right, for a manifest can name hostile ones."""
    if isinstance(manifest, Artifact):
        for name in _needed(manifest):
            if name not in manifest.files:
                raise InputError(f"{found.path}: its manifest lists no {name!r}", "convert the student again")
        for name in {graph.file for graph in manifest.graphs.values()}:
            with found.open(name) as file:
                model_file.check_opened(manifest.runtime.value, file, found.sizes_bytes[name], _place(found, name))
    for name in manifest.files:
        _check_unpickled(found, name, is_plain=name in _beside(manifest))


def _check_tokenizer(found: Contents, manifest: Manifest) -> None:
    if TOKENIZER in manifest.files and found.sizes_bytes[TOKENIZER] <= TOKENIZER_LIMIT_BYTES:
        with found.open(TOKENIZER) as file:
            parse_tokenizer(file.read(), _place(found, TOKENIZER))


def _needed(manifest: Artifact) -> tuple[str, ...]:
    return (*manifest.needed, *_beside(manifest))


def _beside(manifest: Manifest) -> tuple[str, ...]:
    """Return the files that belong to the model files of an artifact."""
    if not isinstance(manifest, Artifact):
        return ()
    models = [PurePosixPath(graph.file) for graph in manifest.graphs.values()]
    suffixes = runtimes.get(manifest.runtime).TRAITS.beside
    return tuple(model.with_suffix(suffix).as_posix() for model in models for suffix in suffixes)


def _check_unpickled(found: Contents, name: str, *, is_plain: bool) -> None:
    suffix = PurePosixPath(name).suffix.lower()
    # PyTorch's own .bin is a pickle; what belongs to a model file of another format is plain numbers.
    if suffix in PICKLES and not is_plain:
        raise InputError(f"{_place(found, name)}: is a pickle, which runs code when it is read", "do not load it")
    if suffix == ".npz":
        with found.open(name) as file:
            npz.check(file, found.sizes_bytes[name], _place(found, name))

"""Verifies a folder or an archive: each file is the one in the manifest, there are no others, and none is hostile.

Nothing is unpacked or loaded: files are streamed through their hash, and models are walked.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from contract.errors import InputError
from contract.folder import MANIFEST_LIMIT_BYTES, FileEntry, Manifest, parse_manifest
from contract.tokenizer import parse_tokenizer
from infer import runtimes
from infer.folders.artifact import ARTIFACT_MANIFEST, TOKENIZER, Artifact
from infer.folders.graph import Graph
from infer.folders.interface import check_interface
from infer.folders.student import STUDENT_MANIFEST, TEACHER_MANIFEST, Student, Teacher
from infer.safety import model_file, npz
from infer.safety.file_names import check_names
from infer.shipping.contents import Contents, contents

KINDS: dict[str, type[Manifest]] = {
    ARTIFACT_MANIFEST: Artifact,
    STUDENT_MANIFEST: Student,
    TEACHER_MANIFEST: Teacher,
}
# The largest known have some 20 MiB; a larger one is not read into memory just to be checked.
TOKENIZER_LIMIT_BYTES = 2**26
CHUNK_BYTES = 2**20
NAMED_LIMIT = 5
PICKLES = (".bin", ".ckpt", ".joblib", ".pickle", ".pkl", ".pt", ".pth")
CURE = "it was changed or truncated; make or copy it again"


@dataclass(frozen=True, kw_only=True, slots=True)
class Verified:
    """A folder or an archive that passed.

    Attributes:
        path: path of the folder or archive.
        manifest_file: name of its manifest, which shows its kind.
        sha256: its identity: the SHA-256 of the manifest, which has the hashes of all other files.
    """

    path: Path
    manifest_file: str
    manifest: Manifest
    sha256: str

    @property
    def kind(self) -> str:
        """Its kind: artifact, student or teacher."""
        return PurePosixPath(self.manifest_file).stem


def verify(path: Path) -> Verified:
    """Check a folder or an archive.

    Raises:
        InputError: the first fault.
    """
    with contents(path) as folder:
        return verify_contents(folder)


def verify_contents(folder: Contents, *, parses_tokenizer: bool = True) -> Verified:
    """Check the files of a folder or an archive; raises as `verify` does.

    Args:
        folder: the files.
        parses_tokenizer: whether to parse the tokenizer, which is the slowest check; not needed if it is loaded next.
    """
    name = _manifest_file(folder)
    data = _manifest_bytes(folder, name)
    manifest = parse_manifest(data, KINDS[name], _path(folder, name))
    check_names([*manifest.files, name], _path(folder, name), "do not use it")
    _check_complete(folder, manifest, name)
    for file, entry in manifest.files.items():
        _check_file(folder, file, entry)
    _check_safe(folder, manifest)
    if parses_tokenizer:
        _check_tokenizer(folder, manifest)
    return Verified(path=folder.path, manifest_file=name, manifest=manifest, sha256=hashlib.sha256(data).hexdigest())


def _path(folder: Contents, name: str) -> str:
    return str(folder.path / name)


def _manifest_file(folder: Contents) -> str:
    for name in KINDS:
        if name in folder.sizes_bytes:
            return name
    raise InputError(
        f"{folder.path}: has no {', '.join(KINDS)}",
        "name a folder written by tinybert convert or distill, or an archive of tinybert pack",
    )


def _manifest_bytes(folder: Contents, name: str) -> bytes:
    if folder.sizes_bytes[name] > MANIFEST_LIMIT_BYTES:
        raise InputError(f"{_path(folder, name)}: has more than {MANIFEST_LIMIT_BYTES} bytes", CURE)
    with folder.open(name) as file:
        return file.read(MANIFEST_LIMIT_BYTES)


def _check_complete(folder: Contents, manifest: Manifest, name: str) -> None:
    extra = sorted(set(folder.sizes_bytes) - {*manifest.files, name})
    if extra:
        named = ", ".join(map(repr, extra[:NAMED_LIMIT])) + (", …" if len(extra) > NAMED_LIMIT else "")
        raise InputError(f"{folder.path}: extra file that {name} does not list: {named}", "delete it, or do not use it")
    missing = sorted(set(manifest.files) - set(folder.sizes_bytes))
    if missing:
        raise InputError(f"{_path(folder, missing[0])}: missing", CURE)


def _check_file(folder: Contents, name: str, entry: FileEntry) -> None:
    size_bytes = folder.sizes_bytes[name]
    if size_bytes != entry.size_bytes:  # before reading the file, which might be endless
        raise InputError(
            f"{_path(folder, name)}: has {size_bytes} bytes, not the {entry.size_bytes} of its manifest", CURE
        )
    digest = hashlib.sha256()
    with folder.open(name) as file:
        while chunk := file.read(CHUNK_BYTES):
            digest.update(chunk)
    if digest.hexdigest() != entry.sha256:
        raise InputError(f"{_path(folder, name)}: its SHA-256 is not the one of its manifest", CURE)


def _check_safe(folder: Contents, manifest: Manifest) -> None:
    """Check files with the right hashes, because the manifest itself may name hostile ones."""
    if isinstance(manifest, Artifact):
        for name in (*manifest.needed, *_companions(manifest)):
            if name not in manifest.files:
                raise InputError(f"{folder.path}: its manifest lists no {name!r}", "convert the student again")
        for graph in manifest.graphs.values():
            _check_model(folder, manifest, graph)
    for name in manifest.files:
        _check_unpickled(folder, name, is_plain=name in _companions(manifest))


def _check_tokenizer(folder: Contents, manifest: Manifest) -> None:
    if TOKENIZER in manifest.files and folder.sizes_bytes[TOKENIZER] <= TOKENIZER_LIMIT_BYTES:
        with folder.open(TOKENIZER) as file:
            parse_tokenizer(file.read(), _path(folder, TOKENIZER))


def _check_model(folder: Contents, manifest: Artifact, graph: Graph) -> None:
    source = _path(folder, graph.file)
    with folder.open(graph.file) as file:
        interface = model_file.check_opened(manifest.runtime.value, file, folder.sizes_bytes[graph.file], source)
    if interface is not None:
        check_interface(interface, graph, source)


def _companions(manifest: Manifest) -> tuple[str, ...]:
    """Return the files that belong to the model files of an artifact."""
    if not isinstance(manifest, Artifact):
        return ()
    models = [PurePosixPath(graph.file) for graph in manifest.graphs.values()]
    suffixes = runtimes.get(manifest.runtime).TRAITS.companions
    return tuple(model.with_suffix(suffix).as_posix() for model in models for suffix in suffixes)


def _check_unpickled(folder: Contents, name: str, *, is_plain: bool) -> None:
    suffix = PurePosixPath(name).suffix.lower()
    # PyTorch's .bin is a pickle; the companion of another format's model file is plain numbers.
    if suffix in PICKLES and not is_plain:
        raise InputError(f"{_path(folder, name)}: is a pickle, which runs code when it is read", "do not load it")
    if suffix == ".npz":
        with folder.open(name) as file:
            npz.check(file, folder.sizes_bytes[name], _path(folder, name))

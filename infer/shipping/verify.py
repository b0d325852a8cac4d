"""Verifies a folder or an archive: each file is the one in the manifest, there are no others, and none is hostile.

Nothing is unpacked or loaded: files are streamed through their hash, and models are walked.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from contract.errors import InputError
from contract.folder import MANIFEST_LIMIT_BYTES, FileEntry, Manifest, parse_manifest
from contract.tokenizer import LIMIT_BYTES, parse_tokenizer, vocabulary_of
from infer import runtimes
from infer.folders.artifact import ARTIFACT_MANIFEST, TOKENIZER, Artifact
from infer.folders.graph import INPUT_IDS, Graph
from infer.folders.interface import check_interface
from infer.folders.student import CALIBRATION, EVALUATION, STUDENT_MANIFEST, TEACHER_MANIFEST, Student, Teacher
from infer.safety import model_file, npz, precision, safetensors
from infer.safety.file_names import check_names
from infer.shipping import signature, vocabulary
from infer.shipping.contents import Contents, contents

if TYPE_CHECKING:
    from tokenizers import Tokenizer

KINDS: dict[str, type[Manifest]] = {
    ARTIFACT_MANIFEST: Artifact,
    STUDENT_MANIFEST: Student,
    TEACHER_MANIFEST: Teacher,
}
CHUNK_BYTES = 2**20
# What a device needs for a measurement only; tinybert pack leaves it out unless it is asked for.
OPTIONAL = frozenset({EVALUATION})
NAMED_LIMIT = 5
CONFIG = "config.json"
PICKLES = (".bin", ".ckpt", ".joblib", ".pickle", ".pkl", ".pt", ".pth")
# By suffix, what checks a file before anything loads it.
CHECKS = {".npz": npz.check, ".safetensors": safetensors.check}
CURE = "it was changed or truncated; make or copy it again"


@dataclass(frozen=True, kw_only=True, slots=True)
class Verified:
    """A folder or an archive that passed.

    Attributes:
        path: path of the folder or archive.
        manifest_file: name of its manifest, which shows its kind.
        sha256: its identity: the SHA-256 of the manifest, which has the hashes of all other files.
        tokenizer: the tokenizer of its texts.
        left_out: files of the manifest that an archive of an artifact may lack.
        signed: whether there is a signature of the manifest, which is checked if a key is given.
        signed_by: the fingerprint of the key, if it was checked.
    """

    path: Path
    manifest_file: str
    manifest: Manifest
    sha256: str
    tokenizer: "Tokenizer"
    left_out: tuple[str, ...]
    signed: bool
    signed_by: str | None

    @property
    def kind(self) -> str:
        """Its kind: artifact, student or teacher."""
        return PurePosixPath(self.manifest_file).stem


def verify(path: Path, public_key: Path | None = None) -> Verified:
    """Check a folder or an archive.

    Args:
        path: the folder or the archive.
        public_key: a file of public SSH keys, of which one must have signed it.

    Raises:
        InputError: the first fault.
    """
    with contents(path) as folder:
        return verify_contents(folder, public_key)


def verify_contents(folder: Contents, public_key: Path | None = None) -> Verified:
    """Check the files of a folder or an archive; raises as `verify` does."""
    name = _manifest_file(folder)
    data = folder.read(name, MANIFEST_LIMIT_BYTES, CURE)
    signed_by = None if public_key is None else _check_signature(folder, name, data, public_key)
    manifest = parse_manifest(data, KINDS[name], _path(folder, name))
    check_names([*manifest.files, name], _path(folder, name), "do not use it")
    _check_complete(folder, manifest, name)
    present = {file: entry for file, entry in manifest.files.items() if file in folder.sizes_bytes}
    for file, entry in present.items():
        _check_file(folder, file, entry)
    rows = _check_safe(folder, manifest)
    return Verified(
        path=folder.path,
        manifest_file=name,
        manifest=manifest,
        sha256=hashlib.sha256(data).hexdigest(),
        tokenizer=_check_vocabulary(folder, manifest, rows),
        left_out=tuple(sorted(manifest.files.keys() - present.keys())),
        signed=name + signature.SUFFIX in folder.sizes_bytes,
        signed_by=signed_by,
    )


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


def _check_signature(folder: Contents, name: str, data: bytes, public_key: Path) -> str:
    file = name + signature.SUFFIX
    if file not in folder.sizes_bytes:
        raise InputError(f"{folder.path}: is not signed", "do not use it, or have it packed with --sign")
    signed = folder.read(file, signature.LIMIT_BYTES, CURE)
    return signature.check(data, signed, public_key, _path(folder, file))


def _check_complete(folder: Contents, manifest: Manifest, name: str) -> None:
    extra = sorted(set(folder.sizes_bytes) - {*manifest.files, name, name + signature.SUFFIX})
    if extra:
        named = ", ".join(map(repr, extra[:NAMED_LIMIT])) + (", …" if len(extra) > NAMED_LIMIT else "")
        raise InputError(f"{folder.path}: extra file that {name} does not list: {named}", "delete it, or do not use it")
    optional = OPTIONAL if isinstance(manifest, Artifact) else frozenset()
    missing = sorted(set(manifest.files) - set(folder.sizes_bytes) - optional)
    if missing:
        raise InputError(f"{_path(folder, missing[0])}: missing or not a regular file", CURE)


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


def _check_safe(folder: Contents, manifest: Manifest) -> int | None:
    """Check files with the right hashes, because the manifest itself may name hostile ones.

    Returns:
        The number of rows of the model's embedding; None if it is not known.
    """
    rows: int | None = None
    if isinstance(manifest, Artifact):
        for name in (*manifest.needed, *_companions(manifest)):
            if name not in manifest.files:
                raise InputError(f"{folder.path}: its manifest lists no {name!r}", "convert the student again")
        for graph in manifest.graphs.values():
            rows = _check_model(folder, manifest, graph)
    elif CONFIG in manifest.files:
        rows = vocabulary.rows_of_config(folder.read(CONFIG, MANIFEST_LIMIT_BYTES, CURE))
    for name in manifest.files.keys() & folder.sizes_bytes.keys():
        _check_unpickled(folder, name, is_plain=name in _companions(manifest))
    return rows


def _check_vocabulary(folder: Contents, manifest: Manifest, rows: int | None) -> "Tokenizer":
    """Check the tokenizer and the token ids of sentences; return the tokenizer."""
    settings = manifest.tokenizer if isinstance(manifest, Artifact) else None
    name = TOKENIZER if settings is None else settings.file
    if name not in manifest.files:
        raise InputError(f"{folder.path}: its manifest lists no {name!r}", "make its folder again")
    source = _path(folder, name)
    tokenizer = parse_tokenizer(folder.read(name, LIMIT_BYTES, CURE), source)
    vocabulary.check_tokenizer(tokenizer, None if settings is None else settings.pad_id, rows, source)
    for sentences in (EVALUATION, CALIBRATION):
        if sentences in folder.sizes_bytes:
            with folder.open(sentences) as file:
                vocabulary.check_tokens(file, rows or vocabulary_of(tokenizer), _path(folder, sentences))
    return tokenizer


def _check_model(folder: Contents, manifest: Artifact, graph: Graph) -> int | None:
    source = _path(folder, graph.file)
    with folder.open(graph.file) as file:
        interface = model_file.check_opened(manifest.runtime.value, file, folder.sizes_bytes[graph.file], source)
    if interface is None:
        return None
    check_interface(interface, graph, source)
    if interface.stored is not None:
        precision.check(interface.stored, manifest.precision, source)
    ids = next(tensor.name for tensor in graph.inputs if tensor.role == INPUT_IDS)
    return next(port.rows for port in interface.inputs if ids in port.names)


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
    if suffix in CHECKS:
        with folder.open(name) as file:
            CHECKS[suffix](file, folder.sizes_bytes[name], _path(folder, name))

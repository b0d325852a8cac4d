"""The tiny models that lie beside this module, and what they answer (made by results/benchmarks/doctor_models.py)."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal
from zipfile import ZipFile

import numpy as np
from numpy.typing import NDArray

from contract.errors import InputError
from contract.strict import Strict, read_json
from infer.folders.artifact import Artifact
from infer.shipping.verify import verify
from targets.profile import Precision, Profile, RuntimeName

MODELS = Path(__file__).parent / "models"
EXPECTED = "expected.json"
# Named like the profiles that they were converted for. The second is of int8 models with one scale for each tensor.
ANY_DEVICE, PER_TENSOR = "laptop-x86", "raspberry-pi-os-32-bit"
PRECISIONS = (Precision.FP32, Precision.INT8)


class Answers(Strict):
    """What one model answers.

    Attributes:
        manifest: SHA-256 of the model's manifest.
        logits: of each sentence in its evaluation.npz, on the machine where it was made.
    """

    manifest: str
    logits: tuple[tuple[float, ...], ...]


class Expected(Strict):
    """expected.json: the answers of each model, by its name."""

    schema_version: Literal[1]
    models: dict[str, Answers]


@dataclass(frozen=True, kw_only=True, slots=True)
class TinyModel:
    """One of the models.

    Attributes:
        name: path of its ZIP file below `models`, without the suffix.
        logits_NC: what it answers.
        error: how far its answers are from those in fp32, at most.
    """

    name: str
    precision: Precision
    logits_NC: NDArray[np.float64]
    error: float


@cache
def read_expected() -> Expected:
    """Read expected.json."""
    return read_json(MODELS / EXPECTED, Expected)


def models_of(runtime: RuntimeName, profile: Profile | None) -> list[TinyModel]:
    """Return a runtime's models, in fp32 and in int8.

    Args:
        runtime: the runtime.
        profile: the device; None if no profile fits it.
    """
    models = read_expected().models
    targets = [PER_TENSOR, ANY_DEVICE] if profile is not None and profile.needs_scale_per_tensor else [ANY_DEVICE]
    names = [
        next(name for name in (f"{target}/{runtime}-{precision}" for target in targets) if name in models)
        for precision in PRECISIONS
    ]
    exact_NC, *_ = logits = [np.array(models[name].logits) for name in names]
    return [
        TinyModel(name=name, precision=precision, logits_NC=logits_NC, error=float(np.abs(logits_NC - exact_NC).max()))
        for name, precision, logits_NC in zip(names, PRECISIONS, logits, strict=True)
    ]


@contextmanager
def unpacked(model: TinyModel) -> Iterator[tuple[Path, Artifact]]:
    """Unpack a model for the time of a block.

    Raises:
        InputError: this installation was changed.
    """
    with TemporaryDirectory(prefix="tinybert-") as scratch:
        folder = Path(scratch) / "model"
        with ZipFile(MODELS / f"{model.name}.zip") as archive:
            archive.extractall(folder)
        verified = verify(folder)
        if verified.sha256 != read_expected().models[model.name].manifest:
            raise InputError(f"{MODELS / model.name}.zip: is not the one of {EXPECTED}", "install tinybert-edge again")
        assert isinstance(verified.manifest, Artifact)
        yield folder, verified.manifest

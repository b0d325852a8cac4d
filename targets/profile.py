"""A target profile: one device class, what runs well on it, and its budget; read from one TOML file each."""

from enum import StrEnum
from fnmatch import fnmatchcase
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from contract.errors import InputError
from contract.strict import Strict, near_miss, read_toml
from targets import isa

Positive = Annotated[int, Field(gt=0)]
Text = Annotated[str, Field(min_length=1)]

_PARTS = ("runtimes", "budget")  # a source for a whole part, or for each of its facts


class Arch(StrEnum):
    """Instruction set of a device's user space."""

    X86_64 = "x86_64"
    AARCH64 = "aarch64"
    ARMV7L = "armv7l"


class RuntimeName(StrEnum):
    """A runtime that executes a model; the name of its module in convert/ and in infer/runtimes/."""

    ONNX = "onnx"
    OPENVINO = "openvino"
    TFLITE = "tflite"


class Precision(StrEnum):
    """The numbers a model is stored and computed in.

    Attributes:
        FP16: stored in half precision, computed in it only where the processor does.
        INT8: 8-bit weights and activations, as each runtime's makers advise for transformers: with ranges found as the
            activations come (dynamic) in ONNX Runtime and LiteRT, with calibrated ones (static) in OpenVINO.
        INT8_STATIC: the same with calibrated ranges, where that is not how INT8 is done.
        INT8_WEIGHT, INT4_WEIGHT: only the weights are stored so; activations stay floating-point.
    """

    FP32 = "fp32"
    FP16 = "fp16"
    INT8 = "int8"
    INT8_STATIC = "int8-static"
    INT8_WEIGHT = "int8-weight"
    INT4_WEIGHT = "int4-weight"


class Budget(Strict):
    """Limits a student must keep to; each has the name of the measured property it limits.

    Attributes:
        latency_p90_ns: 90th percentile of one sentence's inference.
        peak_memory_bytes: peak resident memory of the measuring process.
        size_bytes: all files of the artifact.
        quality_drop: by how much the metric that a student is judged by may be worse than the teacher's, for each
            metric by its name; of accuracy, 0.02 is two points. One that is not listed has no limit of this device.
    """

    latency_p90_ns: Positive
    peak_memory_bytes: Positive
    size_bytes: Positive
    quality_drop: Annotated[dict[Text, Annotated[float, Field(ge=0, lt=1)]], Field(min_length=1)]


class Condition(Strict):
    """A package, `python` or `glibc`, and which versions of it.

    Attributes:
        specifier: versions as pip writes them; empty for every version.
        marker: where it holds, as pip writes it (`sys_platform == 'linux'`); empty for everywhere.
    """

    name: Text
    specifier: str
    marker: str = ""
    reason: Text
    source: Text

    @field_validator("specifier")
    @classmethod
    def _is_specifier(cls, specifier: str) -> str:
        from packaging.specifiers import SpecifierSet

        SpecifierSet(specifier)
        return specifier

    @field_validator("marker")
    @classmethod
    def _is_marker(cls, marker: str) -> str:
        from packaging.markers import Marker

        if marker:
            Marker(marker)
        return marker


class Requirement(Condition):
    """Versions the device must have."""


class KnownBad(Condition):
    """Versions that fail on this device, or that do not exist for it."""


class Profile(Strict):
    """One device class.

    Attributes:
        models: patterns (`Raspberry Pi 5*`) of the names such devices give themselves; empty for a class that is
            known by its processor alone.
        isa_features: names of targets.isa, as far as they matter to a runtime; `vnni` is either of its two forms.
        memory_bytes: main memory of the smallest such device.
        threads: threads a runtime is given.
        runtimes: the precisions that make sense there, by runtime.
        length_buckets_tokens: padded lengths of formats with static shapes, rising.
        sources: where each fact is from, by its dotted key; `budget` and `runtimes` stand for all that is in them.
    """

    schema_version: Literal[1]
    name: Text
    title: Text
    models: tuple[str, ...] = ()
    arch: Arch
    isa_features: tuple[str, ...]
    memory_bytes: Positive
    threads: Positive
    length_buckets_tokens: Annotated[tuple[Positive, ...], Field(min_length=1)]
    runtimes: Annotated[
        dict[RuntimeName, Annotated[tuple[Precision, ...], Field(min_length=1)]],
        Field(min_length=1),
    ]
    budget: Budget
    requires: tuple[Requirement, ...] = ()
    known_bad: tuple[KnownBad, ...] = ()
    sources: dict[str, Text]

    @property
    def has_int8_dot_product(self) -> bool:
        """Whether the processor multiplies and sums 8-bit integers in one instruction."""
        return bool({"vnni", "avx512_vnni", "avx_vnni", "dotprod"} & set(self.isa_features))

    @property
    def saturates_int8(self) -> bool:
        """Whether weights must be of 7 bits: without the dot product, x86 adds pairs of products in 16, saturating."""
        return self.arch is Arch.X86_64 and not self.has_int8_dot_product

    @property
    def needs_scale_per_tensor(self) -> bool:
        """Whether TFLite models run in tflite-runtime, which computes int8 with a scale per channel wrongly."""
        return any(requirement.name == "tflite-runtime" for requirement in self.requires)

    def is_model(self, model: str) -> bool:
        """Tell whether a device that calls itself so is of this class."""
        return any(fnmatchcase(model, pattern) for pattern in self.models)

    @field_validator("length_buckets_tokens")
    @classmethod
    def _rise(cls, buckets: tuple[int, ...]) -> tuple[int, ...]:
        if list(buckets) != sorted(set(buckets)):
            raise ValueError(f"{list(buckets)} does not rise")
        return buckets

    @model_validator(mode="after")
    def _is_possible(self) -> "Profile":
        known = isa.known(self.arch)
        for feature in self.isa_features:
            if feature not in known:
                raise ValueError(f"'isa_features': {self.arch} has no {feature!r}{near_miss(feature, known)}")
        for runtime, precisions in self.runtimes.items():
            if len(set(precisions)) != len(precisions):
                raise ValueError(f"'runtimes.{runtime}': names a precision twice")
        if self.budget.peak_memory_bytes >= self.memory_bytes:
            raise ValueError("'budget.peak_memory_bytes': is not below 'memory_bytes'")
        return self

    @model_validator(mode="after")
    def _is_sourced(self) -> "Profile":
        facts = self._facts()
        known = [*facts, *_PARTS]
        for key in self.sources:
            if key not in known:
                raise ValueError(f"'sources': {key!r} is not a fact of this profile{near_miss(key, known)}")
        for fact in facts:
            if fact not in self.sources and fact.partition(".")[0] not in self.sources:
                raise ValueError(f"'sources': nothing says where {fact!r} is from")
        return self

    def _facts(self) -> list[str]:
        single = ["arch", "isa_features", "memory_bytes", "threads", "length_buckets_tokens"]
        models = ["models"] if self.models else []
        parts = [*(f"runtimes.{name}" for name in self.runtimes), *(f"budget.{name}" for name in Budget.model_fields)]
        return [*single, *models, *parts]


def names() -> list[str]:
    """Return the names of the profiles that come with this project."""
    return sorted(path.stem for path in _folder().glob("*.toml"))


def read(name: str) -> Profile:
    """Read a profile by name, or from a TOML file of the user's own.

    Raises:
        InputError: no such profile (with the near miss), or not a valid one.
    """
    if name.endswith(".toml"):
        return read_toml(Path(name), Profile)
    if name not in names():
        raise InputError(f"unknown target {name!r}{near_miss(name, names())}", f"known: {', '.join(names())}")
    path = _folder() / f"{name}.toml"
    profile = read_toml(path, Profile)
    if profile.name != name:
        raise InputError(f"{path}: 'name' is {profile.name!r}", f"it must be {name!r}, the file's own name")
    return profile


def _folder() -> Path:
    return Path(str(files("targets")))

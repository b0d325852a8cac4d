"""A target profile: a class of devices, what runs well on it, and its budget, in one TOML file."""

from enum import StrEnum
from fnmatch import fnmatchcase
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from contract.errors import InputError, near_miss
from contract.strict import Slug, Strict, read_toml
from targets import isa

Positive = Annotated[int, Field(gt=0)]
Text = Annotated[str, Field(min_length=1)]

_PARTS = ("runtimes", "budget")  # may have one source, or one for each fact


class Arch(StrEnum):
    """Instruction set of a device's user space."""

    X86_64 = "x86_64"
    AARCH64 = "aarch64"
    ARMV7L = "armv7l"


class RuntimeName(StrEnum):
    """A runtime that executes a model, by the name of its modules in convert/ and infer/runtimes/."""

    ONNX = "onnx"
    OPENVINO = "openvino"
    TFLITE = "tflite"


class Precision(StrEnum):
    """The number format that a model is stored and computed in.

    Attributes:
        FP16: stored in half precision, and computed in it where the processor can.
        INT8: 8-bit weights and activations, as each runtime's makers recommend for transformers: with ranges computed
            at run time (dynamic) in ONNX Runtime and LiteRT, with calibrated ranges (static) in OpenVINO.
        INT8_STATIC: 8-bit with calibrated ranges, for runtimes in which INT8 is dynamic.
        INT8_WEIGHT, INT4_WEIGHT: quantized weights with floating-point activations.
    """

    FP32 = "fp32"
    FP16 = "fp16"
    INT8 = "int8"
    INT8_STATIC = "int8-static"
    INT8_WEIGHT = "int8-weight"
    INT4_WEIGHT = "int4-weight"


class Budget(Strict):
    """Limits for a student, each named after the measured property that it limits.

    Attributes:
        latency_p90_ns: 90th percentile of the inference of one sentence.
        peak_memory_bytes: peak resident memory of the measuring process.
        size_bytes: size of all files of the artifact.
        quality_drop: how much worse than the teacher a student may be, by name of the main metric; 0.02 is two points
            of accuracy. A metric that is not listed has no limit on this device.
    """

    latency_p90_ns: Positive
    peak_memory_bytes: Positive
    size_bytes: Positive
    quality_drop: Annotated[dict[Text, Annotated[float, Field(ge=0, lt=1)]], Field(min_length=1)]


class Condition(Strict):
    """Versions of a package, of `python` or of `glibc`.

    Attributes:
        specifier: version specifier as in pip; empty for every version.
        marker: environment marker as in pip (`sys_platform == 'linux'`); empty for all environments.
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
    """Versions that the device must have."""


class KnownBad(Condition):
    """Versions that fail on this device or do not exist for it."""


class Profile(Strict):
    """A class of devices.

    Attributes:
        models: patterns (`Raspberry Pi 5*`) for the names that such devices report; empty for a class that is
            recognised by its processor alone.
        isa_features: names from targets.isa that matter to a runtime; `vnni` is either of its two forms.
        memory_bytes: main memory of the smallest such device.
        threads: number of threads for a runtime.
        runtimes: the useful precisions of each runtime.
        length_buckets_tokens: padded lengths for formats with static shapes, in ascending order.
        sources: source of each fact, by its dotted key; `budget` and `runtimes` apply to all facts in them.
    """

    schema_version: Literal[1]
    name: Slug
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
        """Whether weights need 7 bits: without the dot product, x86 adds pairs of products in 16 bits, saturating."""
        return self.arch is Arch.X86_64 and not self.has_int8_dot_product

    @property
    def needs_scale_per_tensor(self) -> bool:
        """Whether TFLite models run in tflite-runtime, whose results for int8 with a scale per channel are wrong."""
        return any(requirement.name == "tflite-runtime" for requirement in self.requires)

    def is_model(self, model: str) -> bool:
        """Return whether a device that reports this name is in the class."""
        return any(fnmatchcase(model, pattern) for pattern in self.models)

    @field_validator("length_buckets_tokens")
    @classmethod
    def _are_ascending(cls, buckets: tuple[int, ...]) -> tuple[int, ...]:
        if list(buckets) != sorted(set(buckets)):
            raise ValueError(f"{list(buckets)} is not in ascending order")
        return buckets

    @model_validator(mode="after")
    def _is_possible(self) -> "Profile":
        names = isa.names(self.arch)
        for feature in self.isa_features:
            if feature not in names:
                raise ValueError(f"'isa_features': {self.arch} has no {feature!r}{near_miss(feature, names)}")
        for runtime, precisions in self.runtimes.items():
            if len(set(precisions)) != len(precisions):
                raise ValueError(f"'runtimes.{runtime}': has a precision twice")
        if self.budget.peak_memory_bytes >= self.memory_bytes:
            raise ValueError("'budget.peak_memory_bytes': must be less than 'memory_bytes'")
        return self

    @model_validator(mode="after")
    def _is_sourced(self) -> "Profile":
        facts = self._facts()
        keys = [*facts, *_PARTS]
        for key in self.sources:
            if key not in keys:
                raise ValueError(f"'sources': {key!r} is not a fact of this profile{near_miss(key, keys)}")
        for fact in facts:
            if fact not in self.sources and fact.partition(".")[0] not in self.sources:
                raise ValueError(f"'sources': {fact!r} has no source")
        return self

    def _facts(self) -> list[str]:
        single = ["arch", "isa_features", "memory_bytes", "threads", "length_buckets_tokens"]
        models = ["models"] if self.models else []
        parts = [*(f"runtimes.{name}" for name in self.runtimes), *(f"budget.{name}" for name in Budget.model_fields)]
        return [*single, *models, *parts]


def names() -> list[str]:
    """Return the names of this project's profiles."""
    return sorted(path.stem for path in _folder().glob("*.toml"))


def read(name: str) -> Profile:
    """Read a profile by name, or from a user's TOML file.

    Raises:
        InputError: no such profile (with the closest name), or an invalid one.
    """
    if name.endswith(".toml"):
        return read_toml(Path(name), Profile)
    if name not in names():
        raise InputError(f"unknown target {name!r}{near_miss(name, names())}", f"known: {', '.join(names())}")
    path = _folder() / f"{name}.toml"
    profile = read_toml(path, Profile)
    if profile.name != name:
        raise InputError(f"{path}: 'name' is {profile.name!r}", f"it must be {name!r}, the name of the file")
    return profile


def _folder() -> Path:
    return Path(str(files("targets")))

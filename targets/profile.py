"""A target profile: one device class, what runs well on it, and its budget; read from one TOML file each."""

from enum import StrEnum
from importlib.resources import files
from pathlib import Path
from typing import Literal

from contract.errors import InputError
from contract.strict import Strict, near_miss, read_toml


class Arch(StrEnum):
    """Instruction set of a device's user space."""

    X86_64 = "x86_64"
    AARCH64 = "aarch64"


class RuntimeName(StrEnum):
    """A runtime that executes a model; the name of its module in convert/ and in bench/runtimes/."""

    ONNX = "onnx"
    OPENVINO = "openvino"
    TFLITE = "tflite"


class Precision(StrEnum):
    """The numbers a model is stored and computed in."""

    FP32 = "fp32"
    INT8 = "int8"


class Budget(Strict):
    """Limits a student must keep to; each has the name of the measured property it limits.

    Attributes:
        latency_p90_ns: 90th percentile of one sentence's inference.
        peak_memory_bytes: peak resident memory of the measuring process.
        size_bytes: all files of the artifact.
        accuracy_drop: share of the evaluation split lost against the teacher, 0.02 is two points.
    """

    latency_p90_ns: int
    peak_memory_bytes: int
    size_bytes: int
    accuracy_drop: float


class Requirement(Strict):
    """Something the device must have: a package with a version specifier, or the system itself."""

    name: str
    specifier: str
    reason: str
    source: str


class KnownBad(Strict):
    """A version of a package that fails on this device."""

    name: str
    specifier: str
    reason: str
    source: str


class Profile(Strict):
    """One device class.

    Attributes:
        isa_features: of `avx2`, `avx512_vnni`, `avx_vnni`, `neon`, `dotprod`, `fp16`, `i8mm`, `bf16`, as far as they matter to a runtime.
        memory_bytes: main memory of the smallest such device.
        threads: threads a runtime is given.
        runtimes: the precisions that make sense there, by runtime.
        length_buckets_tokens: padded lengths of formats with static shapes, rising.
        sources: where each fact is from, by its dotted key.
    """

    schema_version: Literal[1]
    name: str
    title: str
    arch: Arch
    isa_features: tuple[str, ...]
    memory_bytes: int
    threads: int
    length_buckets_tokens: tuple[int, ...]
    runtimes: dict[RuntimeName, tuple[Precision, ...]]
    budget: Budget
    requires: tuple[Requirement, ...] = ()
    known_bad: tuple[KnownBad, ...] = ()
    sources: dict[str, str]

    @property
    def has_int8_dot_product(self) -> bool:
        """Whether the processor multiplies and sums 8-bit integers in one instruction."""
        return bool({"avx512_vnni", "avx_vnni", "dotprod"} & set(self.isa_features))


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
    return read_toml(_folder() / f"{name}.toml", Profile)


def _folder() -> Path:
    return Path(str(files("targets")))

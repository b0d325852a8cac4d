"""The processor features that determine a runtime's choice of kernels, and their names on each system."""

from collections.abc import Callable
from typing import NamedTuple


class Feature(NamedTuple):
    """One processor feature.

    Attributes:
        arches: the instruction sets it extends.
        linux: names in /proc/cpuinfo, any of which is enough.
        mac: sysctl key; None where macOS has none.
        windows: number for IsProcessorFeaturePresent (winnt.h); None where Windows has none.
    """

    arches: tuple[str, ...]
    linux: tuple[str, ...]
    mac: str | None
    windows: int | None


FEATURES = {
    "avx2": Feature(("x86_64",), ("avx2",), "hw.optional.avx2_0", 40),
    "avx512f": Feature(("x86_64",), ("avx512f",), "hw.optional.avx512f", 41),
    "avx512_vnni": Feature(("x86_64",), ("avx512_vnni",), "hw.optional.avx512vnni", None),
    "avx_vnni": Feature(("x86_64",), ("avx_vnni",), None, None),
    "avx512_bf16": Feature(("x86_64",), ("avx512_bf16",), None, None),
    "amx_int8": Feature(("x86_64",), ("amx_int8",), None, None),
    "neon": Feature(("aarch64", "armv7l"), ("asimd", "neon"), "hw.optional.AdvSIMD", 19),
    "dotprod": Feature(("aarch64", "armv7l"), ("asimddp",), "hw.optional.arm.FEAT_DotProd", 43),
    "fp16": Feature(("aarch64", "armv7l"), ("asimdhp",), "hw.optional.arm.FEAT_FP16", 67),
    "i8mm": Feature(("aarch64", "armv7l"), ("i8mm",), "hw.optional.arm.FEAT_I8MM", 66),
    "bf16": Feature(("aarch64",), ("bf16",), "hw.optional.arm.FEAT_BF16", 68),
}

# Intel's small cores have only the 256-bit form, its servers and AMD's Zen 4 only the 512-bit form.
ALTERNATIVES = {"vnni": ("avx_vnni", "avx512_vnni")}


def names(arch: str) -> list[str]:
    """Return the feature names that a profile of this instruction set may require."""
    alternatives = [name for name, forms in ALTERNATIVES.items() if arch in FEATURES[forms[0]].arches]
    return alternatives + [name for name, feature in FEATURES.items() if arch in feature.arches]


def missing(wanted: tuple[str, ...], present: tuple[str, ...]) -> tuple[str, ...]:
    """Return the wanted features that are not present, in any of their forms."""
    return tuple(name for name in wanted if not {name, *ALTERNATIVES.get(name, ())} & set(present))


def from_cpuinfo(text: str) -> tuple[str, ...]:
    """Read the features that all cores have from the text of /proc/cpuinfo."""
    lines = [line.partition(":") for line in text.splitlines()]
    words = [set(value.split()) for key, _, value in lines if key.strip() in ("flags", "Features")]
    common = set.intersection(*words) if words else set()
    return tuple(name for name, feature in FEATURES.items() if common & set(feature.linux))


def from_sysctl(text: str) -> tuple[str, ...]:
    """Read the features from the output of `sysctl hw.optional`."""
    lines = [line.partition(":") for line in text.splitlines()]
    present = {key.strip() for key, _, value in lines if value.strip() == "1"}
    return tuple(name for name, feature in FEATURES.items() if feature.mac in present)


def from_windows(is_present: Callable[[int], int]) -> tuple[str, ...]:
    """Ask Windows for each feature; Windows has no number for VNNI, so it counts as absent.

    Args:
        is_present: kernel32's IsProcessorFeaturePresent.
    """
    numbers = {name: feature.windows for name, feature in FEATURES.items()}
    return tuple(name for name, number in numbers.items() if number is not None and is_present(number))

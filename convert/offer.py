"""What a runtime can do with a precision on a processor, and why: the reason is printed with every choice."""

from contract.strict import Strict
from targets.profile import Arch, Precision, Profile, RuntimeName


class Offer(Strict):
    """One precision of one runtime on one device.

    Attributes:
        offered: whether it makes sense there at all; whether it is fast enough is measured.
        reason: why, in a sentence without a full stop.
    """

    precision: Precision
    offered: bool
    reason: str


def offers(profile: Profile, runtime: RuntimeName) -> tuple[Offer, ...]:
    """Return what a profile's processor makes of each precision in a runtime, in the order of `Precision`.

    What the profile leaves out, such as fp32 where memory is short, is not offered whatever the processor can.
    """
    listed = profile.runtimes.get(runtime, ())
    found = []
    for precision in Precision:
        offered, reason = _REASONS[precision](profile, runtime)
        if precision in (Precision.FP32, Precision.INT8):
            offered = precision in listed
            reason = reason if offered else f"the profile {profile.name} leaves it out"
        found.append(Offer(precision=precision, offered=offered, reason=reason))
    return tuple(found)


def offered(profile: Profile, runtime: RuntimeName) -> tuple[Precision, ...]:
    """Return the precisions that are offered."""
    return tuple(offer.precision for offer in offers(profile, runtime) if offer.offered)


def told(profile: Profile) -> list[str]:
    """Return what a device is offered and what not, a line for each runtime and precision, with the reason."""
    return [
        f"{runtime} {offer.precision}: {offer.reason}" + ("" if offer.offered else " (not offered)")
        for runtime in profile.runtimes
        for offer in offers(profile, runtime)
    ]


def _fp32(profile: Profile, runtime: RuntimeName) -> tuple[bool, str]:
    del profile, runtime
    return True, "every processor has it; what the others are measured against"


def _fp16(profile: Profile, runtime: RuntimeName) -> tuple[bool, str]:
    if runtime is RuntimeName.ONNX:
        return False, "ONNX Runtime's processor kernels for BERT are fp32; half precision is cast back and forth"
    if "fp16" in profile.isa_features and runtime is RuntimeName.OPENVINO:
        return True, "stored in half the bytes, and computed in it"
    return True, "stored in half the bytes, computed in fp32: smaller, not faster"


def _int8(profile: Profile, runtime: RuntimeName) -> tuple[bool, str]:
    return True, _dot_product(profile, runtime)


def _int8_static(profile: Profile, runtime: RuntimeName) -> tuple[bool, str]:
    if runtime is RuntimeName.OPENVINO:
        return False, "int8 is static in OpenVINO"
    return True, f"ranges are known beforehand; {_dot_product(profile, runtime)}"


def _int8_weight(profile: Profile, runtime: RuntimeName) -> tuple[bool, str]:
    if runtime is RuntimeName.ONNX:
        return _block_products(profile, bits=8)
    return True, "a quarter of the bytes, computed in fp32: smaller and exacter than int8, rarely faster"


def _int4_weight(profile: Profile, runtime: RuntimeName) -> tuple[bool, str]:
    if runtime is RuntimeName.ONNX:
        return _block_products(profile, bits=4)
    if runtime is RuntimeName.OPENVINO and profile.arch is Arch.X86_64:
        return True, "an eighth of the bytes; OpenVINO has kernels for it on x86-64"
    return False, "the runtime has no 4-bit kernels for products of more than one row there"


def _block_products(profile: Profile, bits: int) -> tuple[bool, str]:
    fast = {"avx2", "avx512f", "dotprod"} & set(profile.isa_features)
    if not fast:
        return False, "ONNX Runtime's MatMulNBits needs AVX2, AVX-512 or Arm's dot product to be more than a fallback"
    return True, f"{bits}-bit weights in blocks by ONNX Runtime's MatMulNBits ({', '.join(sorted(fast))})"


def _dot_product(profile: Profile, runtime: RuntimeName) -> str:
    if profile.has_int8_dot_product:
        return "the processor multiplies and sums 8-bit integers in one instruction"
    if profile.saturates_int8 and runtime is not RuntimeName.TFLITE:
        return "no VNNI: 7-bit weights, as sums of 8-bit pairs saturate, and it may be no faster than fp32"
    return "no 8-bit dot product: it may be no faster than fp32"


_REASONS = {
    Precision.FP32: _fp32,
    Precision.FP16: _fp16,
    Precision.INT8: _int8,
    Precision.INT8_STATIC: _int8_static,
    Precision.INT8_WEIGHT: _int8_weight,
    Precision.INT4_WEIGHT: _int4_weight,
}

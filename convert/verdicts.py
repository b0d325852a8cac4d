"""Verdicts on precisions, shared by several runtimes."""

from convert.converter import Verdict
from targets.profile import Profile

FP32 = Verdict(True, "supported by every processor; the baseline for the other precisions")
FP16_STORED = Verdict(True, "stored in half the bytes, computed in fp32: smaller, not faster")
INT8_STORED = Verdict(True, "a quarter of the bytes, computed in fp32: smaller, more accurate than int8, rarely faster")
NO_INT4 = Verdict(False, "the runtime has no 4-bit kernels there for products of more than one row")


def int8(profile: Profile, *, saturates: bool) -> Verdict:
    """Return the verdict on 8-bit integers.

    Args:
        profile: the device.
        saturates: whether the runtime sums pairs of products in 16 bits on processors without a better instruction.
    """
    if profile.has_int8_dot_product:
        return Verdict(True, "the processor multiplies and sums 8-bit integers in one instruction")
    if profile.saturates_int8 and saturates:
        return Verdict(True, "no VNNI: 7-bit weights, as sums of 8-bit pairs saturate, and may be no faster than fp32")
    return Verdict(True, "no 8-bit dot product: may be no faster than fp32")


def int8_static(profile: Profile, *, saturates: bool) -> Verdict:
    """Return the verdict on 8-bit integers with ranges measured in advance."""
    return Verdict(True, f"ranges are measured in advance; {int8(profile, saturates=saturates).reason}")

"""What a runtime can do with a precision on a processor, and why: the reason is printed with every choice."""

from contract.strict import Strict
from convert.converter import get
from targets.profile import Precision, Profile, RuntimeName


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
        offered, reason = get(runtime).offer(precision, profile)
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

"""The precisions that a device's processor supports in each runtime, and the reasons, which users see."""

from contract.strict import Strict
from convert.converter import get
from targets.profile import Precision, Profile, RuntimeName


class Offer(Strict):
    """Whether a precision of a runtime is offered on a device.

    Attributes:
        offered: whether the precision is useful there at all; its speed is measured later.
        reason: the reason, as a sentence without a full stop.
    """

    precision: Precision
    offered: bool
    reason: str


def offers(profile: Profile, runtime: RuntimeName) -> tuple[Offer, ...]:
    """Return whether each precision is offered in a runtime, in the order of `Precision`.

    A precision that the profile leaves out, such as fp32 where memory is short, is not offered even if the processor
    supports it.
    """
    listed = profile.runtimes.get(runtime, ())
    all_offers = []
    for precision in Precision:
        offered, reason = get(runtime).offer(precision, profile)
        if precision in (Precision.FP32, Precision.INT8):
            offered = precision in listed
            reason = reason if offered else f"the profile {profile.name} leaves it out"
        all_offers.append(Offer(precision=precision, offered=offered, reason=reason))
    return tuple(all_offers)


def offered_precisions(profile: Profile, runtime: RuntimeName) -> tuple[Precision, ...]:
    """Return the precisions that are offered in a runtime."""
    return tuple(offer.precision for offer in offers(profile, runtime) if offer.offered)


def describe(profile: Profile) -> list[str]:
    """Return a line for each runtime and precision, offered or not, with the reason."""
    return [
        f"{runtime} {offer.precision}: {offer.reason}" + ("" if offer.offered else " (not offered)")
        for runtime in profile.runtimes
        for offer in offers(profile, runtime)
    ]

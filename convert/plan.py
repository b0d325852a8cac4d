"""What is to be converted: the variants a profile offers, as far as they are asked for."""

from collections.abc import Sequence
from dataclasses import dataclass

from contract.errors import InputError, near_miss
from convert.converter import get, require
from convert.offer import offers
from infer.folders.variant import Reads, Variant
from targets.profile import Precision, Profile, RuntimeName


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """Variants of one runtime that are made from one fp32 model.

    Attributes:
        variants: fp32 first, if it is wanted.
        lengths_tokens: padded lengths the models must take; empty for any.
    """

    variants: tuple[Variant, ...]
    lengths_tokens: tuple[int, ...]

    @property
    def base(self) -> Variant:
        """The fp32 model that all are made from."""
        return self.variants[0].base

    @property
    def runtime(self) -> RuntimeName:
        """Of all of them."""
        return self.base.runtime


def plan(
    profile: Profile,
    max_length_tokens: int,
    runtimes: Sequence[str] | None = None,
    precisions: Sequence[str] | None = None,
    *,
    reads: Reads = "first",
) -> list[Plan]:
    """Choose the variants to make.

    Args:
        profile: the device.
        max_length_tokens: the student's longest sentence.
        runtimes: only these; all that the profile names if not given.
        precisions: only these, which may be any its processor is fit for; those that the profile names if not given.
        reads: what of the last layer the student's answer is made of.

    Raises:
        InputError: one asked for is not offered, or the profile's length buckets are too short.
        MissingExtraError: a converter's library is not installed.
    """
    chosen = runtimes_of(profile, runtimes)
    _check_offered(profile, chosen, precisions or ())
    plans = []
    for runtime in chosen:
        wanted = _precisions(profile, runtime, precisions)
        if wanted:
            plans.append(plan_of(profile, max_length_tokens, runtime, wanted, reads))
    return plans


def plan_of(
    profile: Profile,
    max_length_tokens: int,
    runtime: RuntimeName,
    precisions: Sequence[Precision],
    reads: Reads,
) -> Plan:
    """Return the plan of some precisions of one runtime, with the usual rewrites; raises as `plan` does."""
    require(runtime)
    return Plan(
        variants=tuple(Variant(runtime=runtime, precision=one, reads=reads) for one in precisions),
        lengths_tokens=get(runtime).lengths(profile, max_length_tokens),
    )


def runtimes_of(profile: Profile, asked: Sequence[str] | None) -> tuple[RuntimeName, ...]:
    """Return the runtimes of a profile, or those of them that are asked for.

    Raises:
        InputError: one asked for is not offered, with the near miss.
    """
    known = [str(one) for one in profile.runtimes]
    for name in asked or ():
        if name not in known:
            raise InputError(
                f"target {profile.name} does not offer runtime {name!r}{near_miss(name, known)}",
                f"it offers: {', '.join(known)}",
            )
    return tuple(one for one in profile.runtimes if not asked or str(one) in asked)


def _precisions(profile: Profile, runtime: RuntimeName, asked: Sequence[str] | None) -> tuple[Precision, ...]:
    if not asked:
        return tuple(one for one in Precision if one in profile.runtimes[runtime])
    return tuple(offer.precision for offer in offers(profile, runtime) if offer.offered and offer.precision in asked)


def _check_offered(profile: Profile, runtimes: Sequence[RuntimeName], asked: Sequence[str]) -> None:
    """Refuse a precision that none of some runtimes offers, with the reason of each."""
    found = [(runtime, offer) for runtime in runtimes for offer in offers(profile, runtime)]
    known = [str(one) for one in Precision if any(offer.offered and offer.precision is one for _, offer in found)]
    for name in asked:
        if name in known:
            continue
        reasons = [f"{runtime}: {offer.reason}" for runtime, offer in found if offer.precision == name]
        why = f" ({'; '.join(reasons)})" if reasons else near_miss(name, known)
        raise InputError(
            f"target {profile.name} does not offer precision {name!r}{why}", f"it offers: {', '.join(known)}"
        )

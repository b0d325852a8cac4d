"""Selects the variants to convert: those that a profile offers, narrowed by the user's choice."""

from collections.abc import Sequence
from dataclasses import dataclass

from contract.errors import InputError, near_miss
from convert.converter import get, require
from convert.precisions import offers
from infer.folders.variant import Reads, Variant
from targets.profile import Precision, Profile, RuntimeName


@dataclass(frozen=True, kw_only=True, slots=True)
class VariantGroup:
    """Variants of one runtime that are made from the same fp32 model.

    Attributes:
        variants: the variants, starting with fp32 if it is wanted.
        lengths_tokens: padded lengths that the models must take; empty for any length.
    """

    variants: tuple[Variant, ...]
    lengths_tokens: tuple[int, ...]

    @property
    def base(self) -> Variant:
        """The fp32 model that all variants are made from."""
        return self.variants[0].base

    @property
    def runtime(self) -> RuntimeName:
        """The runtime of all variants."""
        return self.base.runtime


def select_variants(
    profile: Profile,
    max_length_tokens: int,
    runtimes: Sequence[str] | None = None,
    precisions: Sequence[str] | None = None,
    *,
    reads: Reads = "first",
) -> list[VariantGroup]:
    """Select the variants to make, one group for each runtime.

    Args:
        profile: the device.
        max_length_tokens: length of the student's longest sentence.
        runtimes: runtimes to use; by default all that the profile names.
        precisions: precisions to use, which may be any that the processor supports; by default those that the profile
            names.
        reads: tokens of the last layer that the student's answer depends on.

    Raises:
        InputError: a requested runtime or precision is not offered, or the profile's length buckets are too short.
        MissingExtraError: a converter's library is not installed.
    """
    chosen = check_offered(profile, runtimes, precisions)
    groups = []
    for runtime in chosen:
        selected = _select_precisions(profile, runtime, precisions)
        if selected:
            groups.append(default_variants(profile, max_length_tokens, runtime, selected, reads))
    return groups


def check_offered(
    profile: Profile, runtimes: Sequence[str] | None = None, precisions: Sequence[str] | None = None
) -> tuple[RuntimeName, ...]:
    """Return the runtimes to use, all of a profile's or the requested ones.

    Raises:
        InputError: a requested runtime or precision is not offered.
    """
    chosen = select_runtimes(profile, runtimes)
    _check_precisions(profile, chosen, precisions or ())
    return chosen


def default_variants(
    profile: Profile,
    max_length_tokens: int,
    runtime: RuntimeName,
    precisions: Sequence[Precision],
    reads: Reads,
) -> VariantGroup:
    """Return variants of one runtime in some precisions, with the default rewrites; raises like `select_variants`."""
    require(runtime)
    return VariantGroup(
        variants=tuple(Variant(runtime=runtime, precision=precision, reads=reads) for precision in precisions),
        lengths_tokens=get(runtime).lengths(profile, max_length_tokens),
    )


def select_runtimes(profile: Profile, requested: Sequence[str] | None) -> tuple[RuntimeName, ...]:
    """Return a profile's runtimes, or the requested ones.

    Raises:
        InputError: a requested runtime is not offered; the message suggests a similar name.
    """
    offered = [str(runtime) for runtime in profile.runtimes]
    for name in requested or ():
        if name not in offered:
            raise InputError(
                f"target {profile.name} does not offer runtime {name!r}{near_miss(name, offered)}",
                f"it offers: {', '.join(offered)}",
            )
    return tuple(runtime for runtime in profile.runtimes if not requested or str(runtime) in requested)


def _select_precisions(
    profile: Profile, runtime: RuntimeName, requested: Sequence[str] | None
) -> tuple[Precision, ...]:
    if not requested:
        return tuple(precision for precision in Precision if precision in profile.runtimes[runtime])
    offered = [offer.precision for offer in offers(profile, runtime) if offer.offered]
    return tuple(precision for precision in offered if precision in requested)


def _check_precisions(profile: Profile, runtimes: Sequence[RuntimeName], requested: Sequence[str]) -> None:
    """Reject a precision that none of the runtimes offers, with each runtime's reason."""
    by_runtime = [(runtime, offer) for runtime in runtimes for offer in offers(profile, runtime)]
    offered = [
        str(precision)
        for precision in Precision
        if any(offer.offered and offer.precision is precision for _, offer in by_runtime)
    ]
    for name in requested:
        if name in offered:
            continue
        reasons = [f"{runtime}: {offer.reason}" for runtime, offer in by_runtime if offer.precision == name]
        why = f" ({'; '.join(reasons)})" if reasons else near_miss(name, offered)
        raise InputError(
            f"target {profile.name} does not offer precision {name!r}{why}", f"it offers: {', '.join(offered)}"
        )

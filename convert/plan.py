"""What is to be converted: the variants a profile offers, as far as they are asked for."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from contract.errors import InputError
from contract.strict import near_miss
from convert.converter import get, require
from targets.profile import Precision, Profile, RuntimeName

Name = TypeVar("Name", RuntimeName, Precision)


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """The variants of one runtime.

    Attributes:
        precisions: fp32 before int8, which is made from it.
        lengths_tokens: padded lengths the models must take; empty for any.
    """

    runtime: RuntimeName
    precisions: tuple[Precision, ...]
    lengths_tokens: tuple[int, ...]


def plan(
    profile: Profile,
    max_length_tokens: int,
    runtimes: Sequence[str] | None = None,
    precisions: Sequence[str] | None = None,
) -> list[Plan]:
    """Choose the variants to make.

    Args:
        profile: the device.
        max_length_tokens: the student's longest sentence.
        runtimes: only these; all that the profile offers if not given.
        precisions: only these; all that the profile offers if not given.

    Raises:
        InputError: one asked for is not offered, or the profile's length buckets are too short.
        MissingExtraError: a converter's library is not installed.
    """
    chosen = _choose("runtime", runtimes, tuple(profile.runtimes), profile)
    offered = tuple(one for one in Precision if any(one in profile.runtimes[name] for name in chosen))
    wanted = _choose("precision", precisions, offered, profile)
    plans = []
    for runtime in chosen:
        made = tuple(one for one in wanted if one in profile.runtimes[runtime])
        if made:
            require(runtime)
            plans.append(
                Plan(
                    runtime=runtime,
                    precisions=made,
                    lengths_tokens=get(runtime).lengths(profile, max_length_tokens),
                )
            )
    return plans


def _choose(kind: str, asked: Sequence[str] | None, offered: tuple[Name, ...], profile: Profile) -> tuple[Name, ...]:
    known = [str(one) for one in offered]
    for name in asked or ():
        if name not in known:
            raise InputError(
                f"target {profile.name} does not offer {kind} {name!r}{near_miss(name, known)}",
                f"it offers: {', '.join(known)}",
            )
    return tuple(one for one in offered if not asked or str(one) in asked)

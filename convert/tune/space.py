"""What may be tried: the variants a device offers, and the neighbours of one that turned out fast."""

from collections.abc import Sequence

from convert import lengths
from convert.converter import get
from convert.offer import offered
from convert.plan import Plan, plan_of
from convert.tune.candidate import Candidate, Entrant
from infer import runtimes as known
from infer.folders.rewrite import Rewrite
from infer.folders.variant import Reads, Variant, default_rewrites, rewrites_of
from targets.profile import Precision, Profile, RuntimeName


def plans(
    profile: Profile, entrant: Entrant, runtimes: Sequence[RuntimeName], precisions: Sequence[Precision]
) -> list[Plan]:
    """Return what is tried first of a student: those of some precisions that are offered, in every runtime."""
    length_tokens = entrant.origin.student.max_length_tokens
    found = []
    for runtime in runtimes:
        fit = [precision for precision in offered(profile, runtime) if precision in precisions]
        if fit:
            found.append(plan_of(profile, length_tokens, runtime, fit, entrant.reads))
    return found


def variants_near(variant: Variant) -> list[Variant]:
    """Return the variants that differ from one in an optional rewrite, in having none, or in their calibration."""
    toggled = [{*variant.rewrites} ^ {one} for one in optional(variant.runtime, variant.reads)]
    sets = [*toggled, set()] if variant.rewrites else [{*default_rewrites(variant.runtime, variant.reads)}]
    found = [variant.model_copy(update={"rewrites": tuple(one for one in Rewrite if one in some)}) for some in sets]
    calibrations = get(variant.runtime).CALIBRATIONS.get(variant.precision, ())
    found += [variant.model_copy(update={"calibration": method}) for method in calibrations]
    return [one for one in found if one != variant]


def settings_near(candidate: Candidate, profile: Profile) -> list[Candidate]:
    """Return the same model run with other numbers of threads, and for fixed lengths or any."""
    threads = sorted({1, profile.threads})
    buckets = {candidate.buckets}
    if not known.get(candidate.artifact.runtime).TRAITS.needs_lengths:
        buckets |= {(), buckets_of(candidate, profile)}
    ways = [candidate.run_with(threads=count, buckets=lengths) for count in threads for lengths in sorted(buckets)]
    return [way for way in ways if (way.threads, way.buckets) != (candidate.threads, candidate.buckets)]


def buckets_of(candidate: Candidate, profile: Profile) -> tuple[int, ...]:
    """Return the profile's lengths up to the first that holds the student's longest sentence; none if none does."""
    longest = candidate.artifact.tokenizer.max_length_tokens
    return tuple(min(length, longest) for length in lengths.up_to(profile, longest))


def base_plan(plan: Plan, variants: Sequence[Variant]) -> list[Plan]:
    """Return plans for some variants of a plan's runtime, those of one fp32 model together."""
    by_base: dict[Variant, list[Variant]] = {}
    for variant in variants:
        by_base.setdefault(variant.base, []).append(variant)
    return [Plan(variants=tuple(found), lengths_tokens=plan.lengths_tokens) for found in by_base.values()]


def optional(runtime: RuntimeName, reads: Reads) -> tuple[Rewrite, ...]:
    """Return the rewrites of a runtime that fit a task and are not applied where nothing else is said."""
    unfit = set() if reads == "first" else {Rewrite.FIRST_TOKEN}
    unfit |= {*default_rewrites(runtime, reads)}
    return tuple(one for one in Rewrite if one in rewrites_of(runtime) - unfit)

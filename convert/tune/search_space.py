"""The search space: the variants that a device offers, and the neighbours of a fast candidate."""

from collections.abc import Sequence

from convert.buckets import buckets_for
from convert.converter import get
from convert.precisions import offered_precisions
from convert.tune.candidate import Candidate
from convert.tune.entrant import Entrant
from convert.variants import VariantGroup, default_variants
from infer import runtimes as runtime_modules
from infer.folders.rewrite import Rewrite
from infer.folders.variant import Reads, Variant, default_rewrites, rewrites_of
from targets.profile import Precision, Profile, RuntimeName


def first_variants(
    profile: Profile, entrant: Entrant, runtimes: Sequence[RuntimeName], precisions: Sequence[Precision]
) -> list[VariantGroup]:
    """Return the variants of a student to try first: the given precisions, if offered, in each runtime."""
    length_tokens = entrant.origin.student.max_length_tokens
    groups = []
    for runtime in runtimes:
        offered = [precision for precision in offered_precisions(profile, runtime) if precision in precisions]
        if offered:
            groups.append(default_variants(profile, length_tokens, runtime, offered, entrant.reads))
    return groups


def variants_near(variant: Variant) -> list[Variant]:
    """Return variants that differ in one optional rewrite, that have no rewrites, or that differ in calibration."""
    toggled = [{*variant.rewrites} ^ {rewrite} for rewrite in optional_rewrites(variant.runtime, variant.reads)]
    sets = [*toggled, set()] if variant.rewrites else [{*default_rewrites(variant.runtime, variant.reads)}]
    ordered = [tuple(rewrite for rewrite in Rewrite if rewrite in rewrites) for rewrites in sets]
    variants = [variant.model_copy(update={"rewrites": rewrites}) for rewrites in ordered]
    calibrations = get(variant.runtime).CALIBRATIONS.get(variant.precision, ())
    variants += [variant.model_copy(update={"calibration": method}) for method in calibrations]
    return [other for other in variants if other != variant]


def settings_near(candidate: Candidate, profile: Profile) -> list[Candidate]:
    """Return the same model with other numbers of threads, and with fixed or any lengths."""
    threads = sorted({1, profile.threads})
    buckets = {candidate.buckets}
    if not runtime_modules.get(candidate.artifact.runtime).TRAITS.needs_lengths:
        buckets |= {(), fixed_lengths(candidate, profile)}
    all_settings = [
        candidate.run_with(threads=count, buckets=lengths) for count in threads for lengths in sorted(buckets)
    ]
    current = (candidate.threads, candidate.buckets)
    return [other for other in all_settings if (other.threads, other.buckets) != current]


def fixed_lengths(candidate: Candidate, profile: Profile) -> tuple[int, ...]:
    """Return the profile's lengths up to the first that fits the student's longest sentence; empty if none fits."""
    longest = candidate.artifact.tokenizer.max_length_tokens
    return tuple(min(length, longest) for length in buckets_for(profile, longest))


def grouped_by_base(group: VariantGroup, variants: Sequence[Variant]) -> list[VariantGroup]:
    """Return groups of variants that share an fp32 model, for the lengths of an existing group of the runtime."""
    by_base: dict[Variant, list[Variant]] = {}
    for variant in variants:
        by_base.setdefault(variant.base, []).append(variant)
    return [VariantGroup(variants=tuple(shared), lengths_tokens=group.lengths_tokens) for shared in by_base.values()]


def optional_rewrites(runtime: RuntimeName, reads: Reads) -> tuple[Rewrite, ...]:
    """Return the rewrites of a runtime that suit a task and are not applied by default."""
    excluded = set() if reads == "first" else {Rewrite.FIRST_TOKEN}
    excluded |= {*default_rewrites(runtime, reads)}
    return tuple(rewrite for rewrite in Rewrite if rewrite in rewrites_of(runtime) - excluded)

"""The padded lengths that a model is prepared for."""

from targets.profile import Profile


def buckets_for(profile: Profile, max_length_tokens: int) -> tuple[int, ...]:
    """Return a profile's lengths up to the first that fits a student's longest sentence; empty if none fits."""
    buckets = profile.length_buckets_tokens
    if buckets[-1] < max_length_tokens:
        return ()
    last = next(index for index, bucket in enumerate(buckets) if bucket >= max_length_tokens)
    return buckets[: last + 1]

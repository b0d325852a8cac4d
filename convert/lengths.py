"""Which padded lengths a model is prepared for."""

from targets.profile import Profile


def up_to(profile: Profile, max_length_tokens: int) -> tuple[int, ...]:
    """Return a profile's lengths up to the first that holds a student's longest sentence; none if none does."""
    buckets = profile.length_buckets_tokens
    if buckets[-1] < max_length_tokens:
        return ()
    enough = next(place for place, bucket in enumerate(buckets) if bucket >= max_length_tokens)
    return buckets[: enough + 1]

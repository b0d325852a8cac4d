"""Which operations go back to float first, where int8 is fast but not right: the most sensitive ones.

An operation's sensitivity is what the model's logits come nearer to the student's when it alone stays in float.
"""

from collections.abc import Callable, Iterator

from convert.operations import operations_of
from convert.tune.candidate import Candidate
from infer.folders.variant import Variant

# So many operations in float at most; with more, what is left in int8 is hardly worth it.
MOST = 3

Make = Callable[[list[Variant]], list[Candidate]]


def fallbacks(candidate: Candidate, make: Make) -> Iterator[Candidate]:
    """Give mixed variants of a candidate, each with one more operation in float.

    Args:
        candidate: misses the floor.
        make: makes variants of the same student.
    """
    variant = candidate.artifact.variant
    names = operations_of(candidate.entrant.origin.folder)
    alone = {name: variant.model_copy(update={"kept_in_float": (name,)}) for name in names}
    made = {one.artifact.variant.kept_in_float: one for one in make(list(alone.values()))}
    gains = {name: difference(candidate) - difference(made[(name,)]) for name in alone if (name,) in made}
    order = sorted((name for name in gains if gains[name] > 0), key=lambda name: -gains[name])
    for count in range(1, min(MOST, len(order)) + 1):
        kept = tuple(name for name in names if name in order[:count])
        yield from make([variant.model_copy(update={"kept_in_float": kept})])


def difference(candidate: Candidate) -> float:
    """Return how far a model's logits are from the student's."""
    return candidate.artifact.parity.mean_abs_difference

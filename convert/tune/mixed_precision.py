"""Chooses operations to keep in float if int8 is fast but misses the floor, the most sensitive ones first.

An operation's sensitivity is how much closer the model's logits get to the student's if it alone stays in float.
"""

from collections.abc import Callable, Iterator

from convert.operations import operations_of
from convert.tune.candidate import Candidate
from infer.folders.variant import Variant

# The largest number of operations in float; with more, too little is left in int8.
MAX_IN_FLOAT = 3

Convert = Callable[[list[Variant]], list[Candidate]]


def mixed_variants(candidate: Candidate, convert: Convert) -> Iterator[Candidate]:
    """Yield mixed variants of a candidate, each with one more operation in float.

    Args:
        candidate: a candidate that misses the floor.
        convert: converts the candidate's student to variants.
    """
    variant = candidate.artifact.variant
    names = operations_of(candidate.entrant.origin.folder)
    single = {name: variant.model_copy(update={"kept_in_float": (name,)}) for name in names}
    converted = {one.artifact.variant.kept_in_float: one for one in convert(list(single.values()))}
    gains = {name: difference(candidate) - difference(converted[(name,)]) for name in single if (name,) in converted}
    order = sorted((name for name in gains if gains[name] > 0), key=lambda name: -gains[name])
    for count in range(1, min(MAX_IN_FLOAT, len(order)) + 1):
        kept = tuple(name for name in names if name in order[:count])
        yield from convert([variant.model_copy(update={"kept_in_float": kept})])


def difference(candidate: Candidate) -> float:
    """Return the mean difference between a model's logits and the student's."""
    return candidate.artifact.parity.mean_abs_difference

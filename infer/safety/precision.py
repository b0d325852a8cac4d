"""Checks that a model file has weights of the precision that its manifest says: an fp32 file is no int8 model."""

from contract.errors import InputError
from targets.profile import Precision

EIGHT_BITS = frozenset({"int8", "uint8"})
# Several 4-bit numbers may be packed into one of 8 bits.
NEEDED: dict[Precision, frozenset[str]] = {
    Precision.FP16: frozenset({"float16"}),
    Precision.INT8: EIGHT_BITS,
    Precision.INT8_STATIC: EIGHT_BITS,
    Precision.INT8_WEIGHT: EIGHT_BITS,
    Precision.INT4_WEIGHT: EIGHT_BITS | {"int4", "uint4"},
}


def check(stored: frozenset[str], precision: Precision, source: str) -> None:
    """Check the types of a model's constants.

    Args:
        stored: the types.
        precision: the precision of its manifest.
        source: the file's name, to begin an error with.

    Raises:
        InputError: no constant has a type of the precision.
    """
    needed = NEEDED.get(precision)
    if needed is not None and not needed & stored:
        cause = f"{source}: called {precision.value}, but has no weights of {' or '.join(sorted(needed))}"
        raise InputError(cause, "convert the student again")

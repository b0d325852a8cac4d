"""Which teacher layer each student layer learns from."""

from collections.abc import Callable, Sequence
from itertools import pairwise

from contract.errors import InputError

# Pairs of a student layer and the teacher layer it learns from, both from 0, lowest first.
LayerMap = tuple[tuple[int, int], ...]


def uniform(student_layers: int, teacher_layers: int) -> LayerMap:
    """Spread the student's layers evenly over the teacher's, the last onto the last.

    TinyBERT, section 4.2: g(m) = m * N / M, counted from 1; here from 0.
    """
    return tuple((layer, (layer + 1) * teacher_layers // student_layers - 1) for layer in range(student_layers))


def top(student_layers: int, teacher_layers: int) -> LayerMap:
    """Match the teacher's last layers (TinyBERT, section 4.5: g(m) = m + N - M)."""
    return tuple((layer, layer + teacher_layers - student_layers) for layer in range(student_layers))


def bottom(student_layers: int, _teacher_layers: int) -> LayerMap:
    """Match the teacher's first layers (TinyBERT, section 4.5: g(m) = m)."""
    return tuple((layer, layer) for layer in range(student_layers))


def last(student_layers: int, teacher_layers: int) -> LayerMap:
    """Match the last layers only, as relation distillation does (MiniLMv2, section 3.2)."""
    return ((student_layers - 1, teacher_layers - 1),)


STRATEGIES: dict[str, Callable[[int, int], LayerMap]] = {
    "uniform": uniform,
    "top": top,
    "bottom": bottom,
    "last": last,
}


def resolve(mapping: str | Sequence[int], student_layers: int, teacher_layers: int) -> LayerMap:
    """Return the map for the name of a strategy, or for a list of one teacher layer per student layer.

    Raises:
        InputError: the student has more layers than the teacher, or the list does not fit both.
    """
    if student_layers > teacher_layers:
        raise InputError(
            f"a student with {student_layers} layers cannot learn from a teacher with {teacher_layers} layers",
            "choose fewer layers",
        )
    if isinstance(mapping, str):
        return STRATEGIES[mapping](student_layers, teacher_layers)
    if len(mapping) != student_layers:
        raise InputError(
            f"student.mapping {list(mapping)} names {len(mapping)} layers, the student has {student_layers}",
            "name one teacher layer for each student layer",
        )
    return tuple(enumerate(check_layers(mapping, teacher_layers, "student.mapping")))


def check_layers(layers: Sequence[int], teacher_layers: int, key: str) -> tuple[int, ...]:
    """Check a list of teacher layers and return it.

    Args:
        layers: layer numbers, from 0.
        teacher_layers: number of layers of the teacher.
        key: key of the recipe, for errors.

    Raises:
        InputError: the teacher lacks a layer, or the list is not in ascending order.
    """
    if any(not 0 <= layer < teacher_layers for layer in layers):
        raise InputError(
            f"{key} {list(layers)} names a layer the teacher lacks", f"its layers are 0 to {teacher_layers - 1}"
        )
    if any(first >= second for first, second in pairwise(layers)):
        raise InputError(f"{key} {list(layers)} is not in ascending order", "name each layer once, lowest first")
    return tuple(layers)

"""Which teacher layer each student layer learns from."""

from itertools import pairwise

from contract.errors import InputError


def uniform(student_layers: int, teacher_layers: int) -> tuple[int, ...]:
    """Spread the student's layers evenly over the teacher's, the last onto the last.

    TinyBERT, section 4.2: g(m) = m * N / M, counted from 1; here from 0.

    Raises:
        InputError: the student has more layers than the teacher.
    """
    if student_layers > teacher_layers:
        raise InputError(
            f"a student of {student_layers} layers cannot learn from {teacher_layers}", "take fewer layers"
        )
    return tuple((layer + 1) * teacher_layers // student_layers - 1 for layer in range(student_layers))


def copied(layers: tuple[int, ...], teacher_layers: int) -> tuple[int, ...]:
    """Return the teacher layers a student was copied from, which it then learns from.

    Raises:
        InputError: a number is no layer of the teacher, or they do not rise.
    """
    if any(not 0 <= layer < teacher_layers for layer in layers):
        raise InputError(
            f"student.layers {list(layers)} names a layer the teacher lacks",
            f"its layers are 0 to {teacher_layers - 1}",
        )
    if any(first >= second for first, second in pairwise(layers)):
        raise InputError(f"student.layers {list(layers)} do not rise", "name each layer once, lowest first")
    return layers

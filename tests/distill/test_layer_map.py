import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.errors import InputError
from distill.student import layer_map


@pytest.mark.parametrize(
    ("mapping", "student_layers", "teacher_layers", "expected"),
    [
        ("uniform", 4, 12, (2, 5, 8, 11)),
        ("uniform", 6, 12, (1, 3, 5, 7, 9, 11)),
        ("uniform", 3, 6, (1, 3, 5)),
        ("uniform", 4, 6, (0, 2, 3, 5)),
        ("uniform", 2, 2, (0, 1)),
        ("top", 4, 12, (8, 9, 10, 11)),
        ("bottom", 4, 12, (0, 1, 2, 3)),
        ((0, 5, 7, 11), 4, 12, (0, 5, 7, 11)),
    ],
)
def test_each_student_layer_has_its_teacher_layer(
    mapping: str | tuple[int, ...], student_layers: int, teacher_layers: int, expected: tuple[int, ...]
) -> None:
    assert layer_map.resolve(mapping, student_layers, teacher_layers) == tuple(enumerate(expected))


def test_last_matches_the_last_layers_only() -> None:
    assert layer_map.resolve("last", 4, 12) == ((3, 11),)


@given(st.sampled_from(list(layer_map.STRATEGIES)), st.integers(1, 12), st.integers(0, 12))
def test_a_map_rises_and_stays_within_both(mapping: str, student_layers: int, more: int) -> None:
    pairs = layer_map.resolve(mapping, student_layers, student_layers + more)
    assert list(pairs) == sorted(set(pairs))
    assert all(student < student_layers and teacher < student_layers + more for student, teacher in pairs)
    assert len({teacher for _, teacher in pairs}) == len(pairs)


def test_more_layers_than_the_teacher_has_are_refused() -> None:
    with pytest.raises(
        InputError, match="a student with 7 layers cannot learn from a teacher with 6 layers: choose fewer layers"
    ):
        layer_map.resolve("uniform", 7, 6)


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ((1, 6), r"names a layer the teacher lacks: its layers are 0 to 5"),
        ((-1, 2), r"names a layer the teacher lacks"),
        ((3, 1), r"is not in ascending order: name each layer once, lowest first"),
        ((1, 1), r"is not in ascending order: name each layer once, lowest first"),
        ((1,), r"names 1 layers, the student has 2: name one teacher layer for each student layer"),
    ],
)
def test_a_list_that_does_not_fit_is_refused(layers: tuple[int, ...], message: str) -> None:
    with pytest.raises(InputError, match=message):
        layer_map.resolve(layers, 2, 6)

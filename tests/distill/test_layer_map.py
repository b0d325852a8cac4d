import pytest

from contract.errors import InputError
from distill import layer_map


@pytest.mark.parametrize(
    ("student_layers", "teacher_layers", "expected"),
    [(4, 12, (2, 5, 8, 11)), (6, 12, (1, 3, 5, 7, 9, 11)), (3, 6, (1, 3, 5)), (4, 6, (0, 2, 3, 5)), (2, 2, (0, 1))],
)
def test_uniform(student_layers: int, teacher_layers: int, expected: tuple[int, ...]) -> None:
    assert layer_map.uniform(student_layers, teacher_layers) == expected


def test_uniform_refuses_more_layers_than_the_teacher_has() -> None:
    with pytest.raises(InputError, match="a student of 7 layers cannot learn from 6"):
        layer_map.uniform(7, 6)


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ((1, 6), r"names a layer the teacher lacks: its layers are 0 to 5"),
        ((-1,), r"names a layer the teacher lacks"),
        ((3, 1), r"do not rise"),
        ((1, 1), r"do not rise"),
    ],
)
def test_copied_refuses(layers: tuple[int, ...], message: str) -> None:
    with pytest.raises(InputError, match=message):
        layer_map.copied(layers, 6)

from hypothesis import given
from hypothesis import strategies as st

from bench.report.place import Box, Label, place

FRAME = Box(left=0, bottom=0, right=800, top=400)
POSITION = st.tuples(st.floats(150, 650), st.floats(80, 320))


def label_at(x: float, y: float) -> Label:
    return Label(x=x, y=y, gap=6, width=80, height=12)


def test_a_lone_label_is_right_of_its_point() -> None:
    (box,) = place([label_at(400, 200)], FRAME)
    assert box.left > 400
    assert box.centre[1] == 200


def test_a_label_at_the_edge_turns_inwards() -> None:
    (box,) = place([label_at(780, 200)], FRAME)
    assert box.right < 780


@given(st.lists(POSITION, min_size=2, max_size=5))
def test_labels_do_not_cover_each_other(positions: list[tuple[float, float]]) -> None:
    boxes = place([label_at(x, y) for x, y in positions], FRAME)
    for number, box in enumerate(boxes):
        assert box.outside(FRAME) < 1e-6
        assert all(box.overlap(other) < 1e-6 for other in boxes[:number])

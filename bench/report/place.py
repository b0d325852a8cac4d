"""Where to put labels beside points so that none covers another label or a point."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import hypot

DIRECTIONS = ((1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (1, -1), (-1, 1), (-1, -1))
RINGS = 6
RING_STEP = 14.0
MISTAKEN_COST = 200.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Box:
    """A rectangle in pixels."""

    left: float
    bottom: float
    right: float
    top: float

    @property
    def centre(self) -> tuple[float, float]:
        """Where its diagonals cross."""
        return (self.left + self.right) / 2, (self.bottom + self.top) / 2

    def distance(self, x: float, y: float) -> float:
        """Return how far a point is from the nearest edge; 0 inside."""
        return hypot(max(self.left - x, 0, x - self.right), max(self.bottom - y, 0, y - self.top))

    def overlap(self, other: "Box") -> float:
        """Return the area both cover."""
        width = min(self.right, other.right) - max(self.left, other.left)
        height = min(self.top, other.top) - max(self.bottom, other.bottom)
        return max(width, 0.0) * max(height, 0.0)

    def outside(self, frame: "Box") -> float:
        """Return the area that sticks out of a frame."""
        return (self.right - self.left) * (self.top - self.bottom) - self.overlap(frame)


@dataclass(frozen=True, kw_only=True, slots=True)
class Label:
    """A point in pixels, the gap its mark needs, and the size of its text."""

    x: float
    y: float
    gap: float
    width: float
    height: float


def place(labels: Sequence[Label], frame: Box, obstacles: Sequence[Box] = ()) -> list[Box]:
    """Return a box for each label: the nearest free one inside the frame, or else the least covered."""
    taken = [*obstacles, *map(_mark, labels)]
    boxes = []
    for label in labels:
        costs = [(_cost(box, label, taken, labels, frame), box) for box in _candidates(label)]
        box = min(costs, key=lambda pair: pair[0])[1]
        taken.append(box)
        boxes.append(box)
    return boxes


def _cost(box: Box, label: Label, taken: Sequence[Box], labels: Sequence[Label], frame: Box) -> float:
    """Count covered area; a box nearer to another point than to its own would be read as that point's."""
    covered = sum(box.overlap(other) for other in taken) + box.outside(frame)
    own = box.distance(label.x, label.y)
    mistaken = any(box.distance(other.x, other.y) < own for other in labels if other is not label)
    return covered + MISTAKEN_COST * mistaken


def _mark(label: Label) -> Box:
    return Box(left=label.x - label.gap, right=label.x + label.gap, bottom=label.y - label.gap, top=label.y + label.gap)


def _candidates(label: Label) -> Iterator[Box]:
    for ring in range(RINGS):
        reach = label.gap + 3 + ring * RING_STEP
        for right, up in DIRECTIONS:
            x = label.x + right * (reach + label.width / 2)
            y = label.y + up * (reach + label.height / 2)
            yield Box(
                left=x - label.width / 2,
                right=x + label.width / 2,
                bottom=y - label.height / 2,
                top=y + label.height / 2,
            )

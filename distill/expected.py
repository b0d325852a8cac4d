"""What a recipe's student is expected to score, as it was measured when the recipe was written. Torch-free."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from contract.strict import Strict

if TYPE_CHECKING:
    from distill.recipe import Recipe


class Expected(Strict):
    """Where the student's score should lie.

    Attributes:
        metric: which metric.
        low, high: of the range.
        measured_with: what was measured, and how the range follows from it.
    """

    metric: str
    low: float
    high: float
    measured_with: str


def remark(recipe: "Recipe", values: Mapping[str, float]) -> str:
    """Say in one line whether a student scores what its recipe expects.

    Args:
        recipe: what made the student.
        values: of each metric of the student.
    """
    expected = recipe.expected
    if expected is None:
        value = values[recipe.main_metric]
        return f"The student's {recipe.main_metric} is {value:.3f}; what this recipe gives was not measured before."
    value = values[expected.metric]
    place = "inside" if expected.low <= value <= expected.high else "outside"
    return (
        f"The student's {expected.metric} is {value:.3f}, {place} the expected {expected.low:.3f} to "
        f"{expected.high:.3f} ({expected.measured_with})."
    )

"""The [expected] section of a recipe: the student's score, measured when the recipe was written. Torch-free."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from contract.strict import Strict


class Expected(Strict):
    """Expected range of the student's score.

    Attributes:
        metric: name of the metric.
        low, high: bounds of the range.
        measured_with: what was measured, and how the range was derived from it.
    """

    metric: Annotated[str, Field(examples=['"accuracy"'])]
    low: Annotated[float, Field(examples=["0.88"])]
    high: Annotated[float, Field(examples=["0.91"])]
    measured_with: Annotated[str, Field(examples=['"one run gave 0.895"'])]


def describe_score(expected: Expected | None, metric: str, values: Mapping[str, float]) -> str:
    """Return one line that says whether a student's score is in the expected range.

    Args:
        expected: the recipe's expectation, or None if it has none.
        metric: the recipe's main metric.
        values: the student's score for each metric.
    """
    if expected is None:
        return f"The student's {metric} is {values[metric]:.3f}; the recipe has no measured score to compare it with."
    value = values[expected.metric]
    position = "inside" if expected.low <= value <= expected.high else "outside"
    return (
        f"The student's {expected.metric} is {value:.3f}, {position} the expected {expected.low:.3f} to "
        f"{expected.high:.3f} ({expected.measured_with})."
    )

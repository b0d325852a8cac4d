"""What a recipe's student is expected to score, as it was measured when the recipe was written. Torch-free."""

from collections.abc import Mapping

from contract.strict import Strict


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


def remark(expected: Expected | None, metric: str, values: Mapping[str, float]) -> str:
    """Say in one line whether a student scores what its recipe expects.

    Args:
        expected: what the recipe expects; none if it does not say.
        metric: what the recipe is judged by.
        values: of each metric of the student.
    """
    if expected is None:
        return f"The student's {metric} is {values[metric]:.3f}; what this recipe gives was not measured before."
    value = values[expected.metric]
    place = "inside" if expected.low <= value <= expected.high else "outside"
    return (
        f"The student's {expected.metric} is {value:.3f}, {place} the expected {expected.low:.3f} to "
        f"{expected.high:.3f} ({expected.measured_with})."
    )

"""The expected score of a recipe's student, and the overrides that invalidate it."""

from pathlib import Path

import pytest

from distill import recipe
from distill.recipe.expected import describe_score

RECIPES = Path(recipe.__file__).parents[1] / "recipes"
EXPECTED = """
[expected]
metric = "accuracy"
low = 0.8
high = 0.9
measured_with = "seeds 0 to 2, made up"
"""


@pytest.fixture
def measured(tmp_path: Path) -> Path:
    """A built-in recipe with its [expected] section replaced by EXPECTED."""
    text, _, _ = (RECIPES / "agnews.toml").read_text(encoding="utf-8").partition("[expected]")
    path = tmp_path / "measured.toml"
    path.write_text(text + EXPECTED, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("value", "position"), [(0.79, "outside"), (0.8, "inside"), (0.85, "inside"), (0.9, "inside"), (0.91, "outside")]
)
def test_a_score_is_inside_or_outside(value: float, position: str, measured: Path) -> None:
    document = recipe.read(str(measured))
    assert describe_score(document.expected, document.main_metric, {"accuracy": value}) == (
        f"The student's accuracy is {value:.3f}, {position} the expected 0.800 to 0.900 (seeds 0 to 2, made up)."
    )


def test_a_recipe_without_a_measured_score() -> None:
    assert describe_score(None, "accuracy", {"accuracy": 0.5}) == (
        "The student's accuracy is 0.500; the recipe has no measured score to compare it with."
    )


@pytest.mark.parametrize(
    ("override", "holds"),
    [("seed=3", True), ("student.seed=3", True), ("student.layers=[1]", False), ('teacher.model="other"', False)],
)
def test_most_overrides_drop_the_expected_score(override: str, holds: bool, measured: Path) -> None:
    assert (recipe.read(str(measured), (override,)).expected is not None) == holds


@pytest.mark.parametrize("path", sorted(RECIPES.glob("*.toml")), ids=lambda path: path.stem)
def test_the_expected_range_is_for_the_main_metric(path: Path) -> None:
    document = recipe.read(str(path))
    if document.expected:
        assert document.expected.metric == document.main_metric
        assert document.expected.low < document.expected.high

"""What a recipe expects of its student, and when that still holds."""

from pathlib import Path

import pytest

from distill import recipe
from distill.recipe.expected import remark

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
    """A recipe with expected scores, in place of its own if it has some."""
    text, _, _ = (RECIPES / "agnews.toml").read_text(encoding="utf-8").partition("[expected]")
    path = tmp_path / "measured.toml"
    path.write_text(text + EXPECTED, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("value", "place"), [(0.79, "outside"), (0.8, "inside"), (0.85, "inside"), (0.9, "inside"), (0.91, "outside")]
)
def test_a_score_is_inside_or_outside(value: float, place: str, measured: Path) -> None:
    found = recipe.read(str(measured))
    assert remark(found.expected, found.main_metric, {"accuracy": value}) == (
        f"The student's accuracy is {value:.3f}, {place} the expected 0.800 to 0.900 (seeds 0 to 2, made up)."
    )


def test_without_a_measurement_it_says_so() -> None:
    said = remark(None, "accuracy", {"accuracy": 0.5})
    assert said.endswith("what this recipe gives was not measured before.")


@pytest.mark.parametrize(
    ("override", "holds"),
    [("seed=3", True), ("student.seed=3", True), ("student.layers=[1]", False), ('teacher.model="other"', False)],
)
def test_another_recipe_expects_nothing(override: str, holds: bool, measured: Path) -> None:
    assert (recipe.read(str(measured), (override,)).expected is not None) == holds


@pytest.mark.parametrize("path", sorted(RECIPES.glob("*.toml")), ids=lambda path: path.stem)
def test_what_a_recipe_expects_is_a_range_of_its_own_metric(path: Path) -> None:
    found = recipe.read(str(path))
    if found.expected:
        assert found.expected.metric == found.main_metric
        assert found.expected.low < found.expected.high

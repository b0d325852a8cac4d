"""The reference of recipe keys is what the types say, and says something of each key."""

from pathlib import Path

import pytest
from pydantic import BaseModel

from distill.recipe import reference
from distill.recipe.recipe import Recipe

DOCUMENT = Path(__file__).parents[2] / "docs" / "recipe.md"
SECTIONS = dict(reference._sections("", Recipe))


def test_the_document_is_generated() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    assert text == reference.markdown(), "run: python -m distill.recipe.reference > docs/recipe.md"


@pytest.mark.parametrize("heading", SECTIONS)
def test_every_key_has_a_meaning(heading: str) -> None:
    model: type[BaseModel] = SECTIONS[heading]
    assert list(reference.meanings(model)) == list(model.model_fields)


@pytest.mark.parametrize(
    "row",
    [
        "| `warmup` | number ≥ 0 and < 1 | `0.1` | share of the steps spent on warm-up. |",
        "| `max_length_tokens` | whole number ≥ 8 and ≤ 512 | `128` | length in tokens at which texts are cut. |",
        "| `losses` | table | required | weight of each loss. |",
        "## `[[stages]]`",
        "## `[student.vocabulary]`",
    ],
)
def test_rows(row: str) -> None:
    assert row in DOCUMENT.read_text(encoding="utf-8").splitlines()

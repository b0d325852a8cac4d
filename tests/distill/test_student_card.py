"""The card in a student folder shows how to use the student, and says its limits and terms."""

import re
from pathlib import Path

import pytest

from distill import recipe as recipes
from distill.student import card
from infer.folders.student import read_evaluation


@pytest.mark.parametrize(
    ("changes", "after"),
    [
        ((), "Or by transformers, as any model of its folder.\n"),
        (("student.pooled_after=[0]",), "Or by transformers, after `import distill.slim`"),
    ],
)
def test_its_python_runs(student: Path, monkeypatch: pytest.MonkeyPatch, changes: tuple[str, ...], after: str) -> None:
    recipe = recipes.read("quickstart", changes)
    text = card.markdown(recipe, "2 layers", read_evaluation(student))
    assert after in text
    assert "\nLicence: the terms of the teacher, of its data" in text
    assert "\nLimits: texts unlike those of the validation split were not measured." in text
    monkeypatch.chdir(student)
    (code,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    exec(code, {})

"""Cache keys: the recipe fields that change a student's weights."""

from pathlib import Path
from typing import Any

from distill.data import corpus
from distill.recipe.stage import Stage
from distill.recipe.student import StudentRecipe

# Raised when the same rounding would give another student.
ROUNDING = {"dynamic": 2, "static": 1}


def student_key(student: StudentRecipe) -> dict[str, Any]:
    """Return what the section [student] says that does so, to be hashed; a corpus by its content, wherever it lies."""
    wanted = student.model_dump(exclude={"seed": True, "cut_positions": True, "vocabulary": {"corpus", "corpus_lines"}})
    # Keys that say nothing are left out, so that a student made before there were such keys is found again.
    if student.cut_positions:
        wanted["cut_positions"] = True
    if student.vocabulary is not None and student.vocabulary.corpus:
        wanted["corpus"] = corpus.digest(Path(student.vocabulary.corpus), student.vocabulary.corpus_lines)
    return wanted


def stage_key(stage: Stage) -> dict[str, Any]:
    """Return what a stage says that does so, to be hashed."""
    wanted = stage.model_dump(exclude={"not_finite", "fake_quantize"})
    if stage.fake_quantize:
        version = ROUNDING[stage.fake_quantize]
        wanted["fake_quantize"] = f"{stage.fake_quantize} {version}" if version > 1 else stage.fake_quantize
    return wanted

"""Cache keys: the recipe fields that change a student's weights."""

from pathlib import Path
from typing import Any

from distill.data import corpus
from distill.recipe.stage import Stage
from distill.recipe.student import StudentRecipe

# Bump when the same rounding would give another student.
ROUNDING_REVISIONS = {"dynamic": 3, "static": 1}


def student_key(student: StudentRecipe) -> dict[str, Any]:
    """Return the fields of section [student] that change the weights, to be hashed; a corpus by its content."""
    fields = student.model_dump(exclude={"seed": True, "cut_positions": True, "vocabulary": {"corpus", "corpus_lines"}})
    # Left out if unset, so that students made before these fields existed keep their keys.
    if student.cut_positions:
        fields["cut_positions"] = True
    if student.vocabulary is not None and student.vocabulary.corpus:
        fields["corpus"] = corpus.digest(Path(student.vocabulary.corpus), student.vocabulary.corpus_lines)
    return fields


def stage_key(stage: Stage) -> dict[str, Any]:
    """Return the fields of a stage that change the weights, to be hashed."""
    fields = stage.model_dump(exclude={"not_finite", "fake_quantize"})
    if stage.fake_quantize:
        revision = ROUNDING_REVISIONS[stage.fake_quantize]
        fields["fake_quantize"] = f"{stage.fake_quantize} {revision}" if revision > 1 else stage.fake_quantize
    return fields

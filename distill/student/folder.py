"""The folder of a trained student."""

from dataclasses import dataclass
from pathlib import Path

from transformers import PreTrainedModel, PreTrainedTokenizerFast

from contract.files import write_atomic
from contract.folder import building, inventory, write_manifest
from contract.progress import note
from contract.tokens import Tokens, write_tokens
from contract.versions import versions_of
from distill import teacher
from distill.recipe import Recipe
from distill.student import card
from distill.student.initialise import count_parameters
from infer.folders.student import (
    CALIBRATION,
    SCHEMA,
    STUDENT_MANIFEST,
    Evaluation,
    Student,
    read_student,
    write_evaluation,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class TrainedStudent:
    """A trained student.

    Attributes:
        model: the student.
        shape: its shape, in words.
        tokenizer: its tokenizer.
        calibration: training sentences in its word pieces, for the calibration of int8.
        evaluation: validation split in its word pieces, with its outputs and the teacher's.
    """

    model: PreTrainedModel
    shape: str
    tokenizer: PreTrainedTokenizerFast
    calibration: Tokens
    evaluation: Evaluation


def update_metric(recipe: Recipe, folder: Path) -> None:
    """Change the main metric of a finished student to the recipe's; its weights do not depend on the metric."""
    manifest = read_student(folder)
    if manifest.main_metric != recipe.main_metric:
        note(f"{folder}: main metric changed from {manifest.main_metric} to {recipe.main_metric}")
        updated = manifest.model_copy(update={"recipe": {**manifest.recipe, "metric": recipe.main_metric}})
        write_manifest(folder / STUDENT_MANIFEST, updated)


def write_student(student: TrainedStudent, recipe: Recipe, parents: dict[str, str], folder: Path, key: str) -> None:
    """Write the student folder: Hugging Face layout, a card, evaluation.npz, calibration.npz, student.json.

    Args:
        student: the student.
        recipe: recipe of the student.
        parents: identity of each folder it was made from, by role.
        folder: folder to write.
        key: hash of everything it was made from.
    """
    with building(folder) as scratch:
        student.model.save_pretrained(scratch)
        student.tokenizer.save_pretrained(scratch)
        write_evaluation(scratch, student.evaluation)
        write_tokens(scratch / CALIBRATION, student.calibration)
        write_atomic(scratch / "README.md", card.markdown(recipe, student.shape, student.evaluation))
        manifest = Student(
            schema_version=SCHEMA,
            key=key,
            files=inventory(scratch),
            parents=parents,
            tool_versions=versions_of(*teacher.LIBRARIES),
            name=recipe.name,
            task=recipe.settings,
            max_length_tokens=recipe.max_length_tokens,
            parameters=count_parameters(student.model),
            seed=recipe.student_seed,
            shape=student.shape,
            recipe=recipe.model_dump(mode="json", exclude_unset=True),
        )
        write_manifest(scratch / STUDENT_MANIFEST, manifest)

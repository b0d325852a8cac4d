"""Write a student that has learned into its folder."""

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
from distill.student.initialise import parameters
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
    """A student that has learned.

    Attributes:
        model: the student.
        shape: of it, in words.
        tokenizer: its own.
        calibration: training sentences in its word pieces, to calibrate int8 on.
        evaluation: the validation split in its word pieces, and its answers and the teacher's.
    """

    model: PreTrainedModel
    shape: str
    tokenizer: PreTrainedTokenizerFast
    calibration: Tokens
    evaluation: Evaluation


def update_metric(recipe: Recipe, folder: Path) -> None:
    """Let a finished student be judged by what its recipe names now; its weights do not depend on that."""
    manifest = read_student(folder)
    if manifest.main_metric != recipe.main_metric:
        note(f"{folder}: now judged by {recipe.main_metric}, before by {manifest.main_metric}")
        changed = manifest.model_copy(update={"recipe": {**manifest.recipe, "metric": recipe.main_metric}})
        write_manifest(folder / STUDENT_MANIFEST, changed)


def write_student(made: TrainedStudent, recipe: Recipe, parents: dict[str, str], folder: Path, key: str) -> None:
    """Write the student folder: Hugging Face layout, a card, evaluation.npz, calibration.npz, student.json.

    Args:
        made: the student.
        recipe: what made it.
        parents: the identity of each folder it was made from, by role.
        folder: to write.
        key: hash of everything it was made from.
    """
    with building(folder) as scratch:
        made.model.save_pretrained(scratch)
        made.tokenizer.save_pretrained(scratch)
        write_evaluation(scratch, made.evaluation)
        write_tokens(scratch / CALIBRATION, made.calibration)
        write_atomic(scratch / "README.md", card.write(recipe, made.shape, made.evaluation))
        manifest = Student(
            schema_version=SCHEMA,
            key=key,
            files=inventory(scratch),
            parents=parents,
            tool_versions=versions_of(*teacher.LIBRARIES),
            name=recipe.name,
            task=recipe.settings,
            max_length_tokens=recipe.max_length_tokens,
            parameters=parameters(made.model),
            seed=recipe.student_seed,
            shape=made.shape,
            recipe=recipe.model_dump(mode="json", exclude_unset=True),
        )
        write_manifest(scratch / STUDENT_MANIFEST, manifest)

"""Labels in another order than the teacher's or the student's, and a tokenizer that is not the student's."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from bench.label_order import describe_other_order
from bench.model_folder import read_model_folder
from bench.references import find_references
from contract.errors import InputError
from contract.folder import inventory
from infer.folders.artifact import ARTIFACT_MANIFEST
from infer.outputs import of_logits
from infer.tasks import classification, regression

THREE = classification.Settings(labels=("bad", "fair", "good"))
EYE_CC = np.eye(3, dtype=np.float32)
ANSWERS = np.array([0, 1, 2] * 10)
PERMUTED = "the artifact says 'good' where the teacher says 'bad', 'bad' where the teacher says 'good': its labels are"


@pytest.mark.parametrize(
    ("order", "wrong", "expected"),
    [
        ([0, 1, 2], 0, ""),
        ([2, 1, 0], 0, PERMUTED),
        ([2, 1, 0], 3, PERMUTED),
        ([2, 1, 0], 12, ""),
        ([0, 1, 2], 12, ""),
        ([0, 0, 0], 0, ""),
    ],
)
def test_another_order_is_said_if_the_models_else_agree(order: list[int], wrong: int, expected: str) -> None:
    answers = np.array(order)[ANSWERS]
    answers[:wrong] = ANSWERS[:wrong] if order[0] else (ANSWERS[:wrong] + 1) % 3
    outputs, reference = of_logits(EYE_CC[answers]), of_logits(EYE_CC[ANSWERS])
    said = describe_other_order("the artifact", outputs, "the teacher", reference, THREE)
    assert said.startswith(expected) if expected else said == ""


def test_a_number_has_no_order() -> None:
    scores = of_logits(np.ones((4, 1), np.float32))
    assert describe_other_order("a", scores, "b", scores, regression.Settings()) == ""


@pytest.mark.parametrize("given", [True, False])
def test_labels_in_another_order_than_the_students_are_refused(
    artifact_of: Callable[..., Path], run_folder: Path, given: bool
) -> None:
    folder = read_model_folder(artifact_of(task=classification.Settings(labels=("positive", "negative"))))
    student = run_folder / "student-1"
    with pytest.raises(
        InputError, match=r"its labels are 'positive', 'negative', those of student-1 'negative', 'positi"
    ):
        find_references([folder, read_model_folder(student)], student if given else None)


def test_another_tokenizer_than_the_students_is_refused(artifact_of: Callable[..., Path], run_folder: Path) -> None:
    path = artifact_of()
    tokenizer = path / "tokenizer.json"
    tokenizer.write_text(json.dumps(json.loads(tokenizer.read_text()), indent=1))
    manifest = json.loads((path / ARTIFACT_MANIFEST).read_text())
    manifest["files"]["tokenizer.json"] = inventory(path)["tokenizer.json"].model_dump()
    (path / ARTIFACT_MANIFEST).write_text(json.dumps(manifest))
    with pytest.raises(InputError, match="its tokenizer is not the one student-1 was trained with: convert"):
        find_references([read_model_folder(path)], run_folder / "student-1")

"""What an artifact says of its answers, as it is judged now and as layout 1 said it."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from contract import ragged
from contract.errors import InputError
from contract.folder import read_manifest
from contract.tokens import from_rows
from convert.quality import judge
from infer.folders.artifact import Artifact, Quality
from infer.folders.student import Evaluation
from infer.metrics.metric import Interval
from infer.outputs import Outputs, of_logits
from infer.tasks import classification, regression, token_classification

TAGS = ("O", "B-PER", "I-PER")


def evaluation(labels: ragged.Ragged, teacher: Outputs, student: Outputs) -> Evaluation:
    rows = [[2, 5, 6, 3]] * len(labels)
    return Evaluation(tokens=from_rows(rows, [[0] * 4 for _ in rows]), labels=labels, teacher=teacher, student=student)


def certain(*numbers: int) -> Outputs:
    return of_logits(np.eye(2, dtype=np.float32)[list(numbers)])


def tagged(*rows: list[int]) -> Outputs:
    return of_logits(ragged.from_rows([np.eye(3)[row] for row in rows], like=np.empty((0, 3), np.float32)))


def test_labels_are_judged_beside_the_student_and_the_teacher() -> None:
    some = evaluation(ragged.single(np.array([0, 1, 1, 0])), certain(0, 1, 1, 0), certain(0, 1, 0, 0))
    found = judge(some, classification.Settings(labels=("bad", "good")), "accuracy", certain(0, 0, 0, 0))
    assert set(found.values) == {"accuracy", "matthews", "f1_binary", "f1_macro"}
    assert found.value.value == 0.5
    assert 0 < found.value.low < 0.5 < found.value.high < 1
    assert (found.student, found.teacher) == (0.75, 1.0)
    assert found.drop.value == 0.5
    assert found.drop.low < 0.5 < found.drop.high
    assert found.distance is not None
    assert found.distance > 0


def test_scores_are_judged_by_their_correlation() -> None:
    right_N = np.linspace(0, 5, 20, dtype=np.float32)
    teacher, student = (of_logits((right_N + shift)[:, None]) for shift in (0.0, 1.0))
    some = evaluation(ragged.single(right_N), teacher, student)
    found = judge(some, regression.Settings(), "rmse", of_logits((right_N + 2)[:, None]))
    assert found.value.value == pytest.approx(2.0)
    assert (found.student, found.teacher) == pytest.approx((1.0, 0.0))
    assert found.drop.value == pytest.approx(2.0)  # positive is worse, though less is better
    assert found.distance == pytest.approx(2.0)
    assert found.values["pearson"].value == pytest.approx(1.0)


def test_tokens_are_judged_by_their_spans() -> None:
    labels = ragged.from_rows([np.array([-100, 1, 2, -100])] * 3, like=np.empty(0, np.int64))
    whole, part = [0, 1, 2, 0], [0, 1, 0, 0]
    some = evaluation(labels, tagged(whole, whole, whole), tagged(whole, whole, part))
    found = judge(some, token_classification.Settings(tags=TAGS), "f1", tagged(whole, part, part))
    assert found.value.value == pytest.approx(1 / 3)
    assert (found.student, found.teacher) == pytest.approx((2 / 3, 1.0))
    assert found.drop.value == pytest.approx(2 / 3)


OLD: dict[str, Any] = {
    "schema_version": 1,
    "key": "0",
    "files": {},
    "parents": {},
    "tool_versions": {},
    "name": "sst2",
    "task": "classification",
    "label_names": ["negative", "positive"],
    "variant": {"runtime": "onnx", "precision": "int8"},
    "target": "laptop-x86",
    "model_file": "model.onnx",
    "inputs": ["a", "b", "c"],
    "length_buckets_tokens": [],
    "max_length_tokens": 128,
    "threads": 2,
    "quantization": [],
    "parity": {"sentences": 872, "agreement": 1.0, "max_abs_difference": 0.1, "mean_abs_difference": 0.1},
    "quality": {
        "metric": "accuracy",
        "value": 0.875,
        "student": 0.9,
        "teacher": 0.9375,
        "lost": 3,
        "gained": 2,
        "divergence": 0.01,
    },
}


def read(folder: Path, **changes: Any) -> Artifact:
    path = folder / "artifact.json"
    path.write_text(json.dumps({**OLD, **changes}))
    return read_manifest(path, Artifact)


def test_layout_1_is_read(tmp_path: Path) -> None:
    found = read(tmp_path)
    assert found.task == classification.Settings(labels=("negative", "positive"))
    assert found.schema_version == 2
    assert found.variant.reads == "first"
    assert found.quality == Quality(
        metric="accuracy",
        values={"accuracy": Interval(value=0.875, low=-1.0, high=1.0)},
        student=0.9,
        teacher=0.9375,
        drop=Interval(value=0.0625, low=-2.0, high=2.0),
        distance=0.01,
    )


def test_scores_of_layout_1_are_read(tmp_path: Path) -> None:
    nothing = {"lost": None, "gained": None, "divergence": None}
    found = read(
        tmp_path, task="regression", label_names=[], quality={**OLD["quality"], **nothing, "metric": "pearson"}
    )
    assert found.task == regression.Settings()
    assert found.quality.distance is None


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"quality": {"metric": "accuracy"}}, "missing key 'quality.values'"),
        ({"quality": None}, "'quality': "),
    ],
)
def test_what_is_no_artifact_of_layout_1_is_refused(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        read(tmp_path, **changes)

"""The quality in an artifact, as measured now and as read from layout 1."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from contract import ragged
from contract.errors import InputError
from contract.folder import read_manifest
from contract.tokens import from_rows
from convert.quality import measure_quality
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


def test_labels_are_compared_with_the_student_and_the_teacher() -> None:
    sentences = evaluation(ragged.single(np.array([0, 1, 1, 0])), certain(0, 1, 1, 0), certain(0, 1, 0, 0))
    quality = measure_quality(
        sentences, classification.Settings(labels=("bad", "good")), "accuracy", certain(0, 0, 0, 0)
    )
    assert set(quality.values) == {"accuracy", "matthews", "f1_binary", "f1_macro"}
    assert quality.value.value == 0.5
    assert 0 < quality.value.low < 0.5 < quality.value.high < 1
    assert (quality.student, quality.teacher) == (0.75, 1.0)
    assert quality.drop.value == 0.5
    assert quality.drop.low < 0.5 < quality.drop.high
    assert quality.distance is not None
    assert quality.distance > 0


def test_scores_are_measured_by_their_correlation() -> None:
    right_N = np.linspace(0, 5, 20, dtype=np.float32)
    teacher, student = (of_logits((right_N + shift)[:, None]) for shift in (0.0, 1.0))
    sentences = evaluation(ragged.single(right_N), teacher, student)
    quality = measure_quality(sentences, regression.Settings(), "rmse", of_logits((right_N + 2)[:, None]))
    assert quality.value.value == pytest.approx(2.0)
    assert (quality.student, quality.teacher) == pytest.approx((1.0, 0.0))
    assert quality.drop.value == pytest.approx(2.0)  # positive is worse, although a lower value is better
    assert quality.distance == pytest.approx(2.0)
    assert quality.values["pearson"].value == pytest.approx(1.0)


def test_tokens_are_measured_by_their_spans() -> None:
    labels = ragged.from_rows([np.array([-100, 1, 2, -100])] * 3, like=np.empty(0, np.int64))
    whole, part = [0, 1, 2, 0], [0, 1, 0, 0]
    sentences = evaluation(labels, tagged(whole, whole, whole), tagged(whole, whole, part))
    quality = measure_quality(sentences, token_classification.Settings(tags=TAGS), "f1", tagged(whole, part, part))
    assert quality.value.value == pytest.approx(1 / 3)
    assert (quality.student, quality.teacher) == pytest.approx((2 / 3, 1.0))
    assert quality.drop.value == pytest.approx(2 / 3)


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
    artifact = read(tmp_path)
    assert artifact.task == classification.Settings(labels=("negative", "positive"))
    assert artifact.schema_version == 2
    assert artifact.variant.reads == "first"
    assert artifact.quality == Quality(
        metric="accuracy",
        values={"accuracy": Interval(value=0.875, low=-1.0, high=1.0)},
        student=0.9,
        teacher=0.9375,
        drop=Interval(value=0.0625, low=-2.0, high=2.0),
        distance=0.01,
    )


def test_scores_of_layout_1_are_read(tmp_path: Path) -> None:
    nothing = {"lost": None, "gained": None, "divergence": None}
    artifact = read(
        tmp_path, task="regression", label_names=[], quality={**OLD["quality"], **nothing, "metric": "pearson"}
    )
    assert artifact.task == regression.Settings()
    assert artifact.quality.distance is None


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"quality": {"metric": "accuracy"}}, "missing key 'quality.values'"),
        ({"quality": None}, "'quality': "),
    ],
)
def test_an_invalid_artifact_of_layout_1_is_rejected(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        read(tmp_path, **changes)

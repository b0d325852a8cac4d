"""A student with position embeddings for its longest sentence only is converted and padded to no greater length."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from transformers import AutoModelForSequenceClassification

from convert.build import convert_student
from convert.parity import FP32_LIMIT
from distill.model.positions import cut
from distill.model.predict import predict
from infer.folders.artifact import read_artifact
from infer.folders.student import read_evaluation, write_evaluation
from targets.profile import Profile


@pytest.mark.usefixtures("in_process")
@pytest.mark.parametrize(
    ("runtime", "buckets"),
    [("onnx", ()), pytest.param("tflite", (16, 24), marks=pytest.mark.slow)],
)
def test_a_converted_model_matches_the_cut_student(
    changeable: Path,
    seal: Callable[[Path], None],
    profile: Profile,
    tmp_path: Path,
    runtime: str,
    buckets: tuple[int, ...],
) -> None:
    evaluation = read_evaluation(changeable)
    student = cut(AutoModelForSequenceClassification.from_pretrained(changeable), 24)
    student.save_pretrained(changeable)
    outputs = predict(student, evaluation.tokens, "The student's answers")
    assert abs(outputs.logits.values - evaluation.student.logits.values).max() < FP32_LIMIT
    write_evaluation(changeable, replace(evaluation, student=outputs))
    seal(changeable)
    (folder,) = convert_student(changeable, profile, out=tmp_path, runtimes=[runtime], precisions=["fp32"])
    artifact = read_artifact(folder)
    assert artifact.graph.source_lengths == buckets
    assert artifact.parity.max_abs_difference < FP32_LIMIT

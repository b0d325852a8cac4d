"""A student with a factorised embedding, which has ELECTRA's architecture, is converted for every runtime."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from transformers import AutoModelForSequenceClassification

from convert.build import convert_student
from convert.parity import FP32_LIMIT
from distill.model.predict import predict
from distill.student.factorise import factorise
from infer.folders.artifact import read_artifact
from infer.folders.student import read_evaluation, write_evaluation
from targets.profile import Profile, RuntimeName


@pytest.mark.slow
@pytest.mark.usefixtures("in_process")
def test_every_runtime_matches_the_factorised_student(
    changeable: Path, seal: Callable[[Path], None], profile: Profile, tmp_path: Path
) -> None:
    evaluation = read_evaluation(changeable)
    whole = AutoModelForSequenceClassification.from_pretrained(changeable)
    student = factorise(whole, 16, evaluation.tokens).model
    student.save_pretrained(changeable)
    outputs = predict(student, evaluation.tokens, "The student's answers")
    write_evaluation(changeable, replace(evaluation, student=outputs))
    seal(changeable)
    folders = convert_student(changeable, profile, out=tmp_path / "artifacts")
    parities = {folder.name: read_artifact(folder).parity for folder in folders}
    assert set(parities) == {f"{runtime}-{precision}" for runtime in RuntimeName for precision in ("fp32", "int8")}
    for name, parity in parities.items():
        assert parity.agreement > 0.9
        assert (parity.max_abs_difference < FP32_LIMIT) == name.endswith("fp32")
    logits_NC = outputs.logits.values
    assert np.ptp(logits_NC[:, 1] - logits_NC[:, 0]) > 100 * FP32_LIMIT  # so that parity is meaningful

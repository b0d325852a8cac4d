"""Convolution and pooling through every converter, in the real runtimes."""

from pathlib import Path

import numpy as np
import pytest

from convert.parity import FP32_LIMIT
from infer.folders.artifact import read_artifact
from infer.folders.graph import encoder
from infer.folders.model import MODEL, Model
from infer.folders.student import read_evaluation
from infer.runtimes import PYTORCH
from infer.worker.client import outputs_of
from targets.profile import Precision, RuntimeName


@pytest.mark.slow  # six conversions
@pytest.mark.parametrize("precision", [Precision.FP32, Precision.INT8])
@pytest.mark.parametrize("runtime", RuntimeName)
def test_a_slim_student_runs_in_every_runtime_at_any_length(
    slim_artifacts: Path, slim_student: Path, runtime: RuntimeName, precision: Precision
) -> None:
    evaluation = read_evaluation(slim_student)
    artifact = read_artifact(slim_artifacts / f"{runtime}-{precision}")
    # The model's fixed lengths; or no padding, padding to an odd length and padding to an even length.
    lengths = [artifact.graph.source_lengths] if artifact.graph.source_lengths else [(), (25,), (40,)]
    for buckets in lengths:
        model = artifact.model(slim_artifacts / f"{runtime}-{precision}").padded_to(buckets)
        logits_NC = outputs_of(model, evaluation.tokens).logits.values
        difference = np.abs(logits_NC - evaluation.student.logits.values).max()
        assert difference < (FP32_LIMIT if precision is Precision.FP32 else 0.5)


def test_a_slim_student_runs_in_pytorch_in_a_separate_process(slim_student: Path) -> None:
    evaluation = read_evaluation(slim_student)
    model = Model(
        folder=slim_student,
        runtime=PYTORCH,
        graphs={MODEL: encoder("", columns=2, by_token=False)},
        threads=1,
        pad_id=0,
    )
    logits_NC = outputs_of(model, evaluation.tokens).logits.values
    np.testing.assert_allclose(logits_NC, evaluation.student.logits.values, atol=1e-5)

"""Students of every kind of task, from the student folder to the outputs of its models."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from pydantic import ValidationError

from contract.tokens import Tokens
from convert import process
from convert.build import convert_student
from convert.converter import Exported
from convert.job import Job
from convert.tune import search_space
from convert.variants import select_variants
from infer.folders.artifact import read_artifact
from infer.folders.graph import ROLES
from infer.folders.model import Model
from infer.folders.rewrite import Rewrite
from infer.folders.student import Evaluation, read_evaluation
from infer.folders.variant import Reads, Variant, default_rewrites
from infer.outputs import Outputs
from infer.tasks import regression, token_classification
from infer.worker import client
from targets.profile import Precision, Profile, RuntimeName

Answer = Callable[[list[NDArray[Any]]], NDArray[np.float32]]
ALL = tuple(Rewrite)


pytestmark = pytest.mark.usefixtures("in_process")


def test_scores_are_converted(scorer: Path, profile: Profile, tmp_path: Path) -> None:
    folders = convert_student(scorer, profile, out=tmp_path, runtimes=["onnx"])
    for artifact in map(read_artifact, folders):
        assert artifact.task == regression.Settings()
        assert artifact.parity.max_abs_difference < 0.1
        assert artifact.quality.metric == "pearson"
        assert artifact.quality.value.value > 0.99
        assert artifact.quality.teacher == pytest.approx(-1.0)
        assert artifact.quality.drop.value == pytest.approx(-2.0, abs=0.01)
        assert Rewrite.FIRST_TOKEN in artifact.variant.rewrites


def test_tags_are_converted(tagger: Path, profile: Profile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "outputs_of", outputs_of(read_evaluation(tagger)))
    (folder,) = convert_student(tagger, profile, out=tmp_path, runtimes=["onnx"], precisions=["fp32"])
    artifact = read_artifact(folder)
    assert folder.name == "onnx-fp32"
    assert artifact.task == token_classification.Settings(tags=("O", "B-PER", "I-PER"))
    assert artifact.variant.rewrites == (Rewrite.SCALED_QUERY, Rewrite.SEPARATE_NORM)
    assert artifact.parity.agreement == 1.0
    assert set(artifact.quality.values) == {"f1", "precision", "recall"}
    assert artifact.quality.value.value == artifact.quality.student == 1.0


def outputs_of(evaluation: Evaluation) -> Callable[[Model, Tokens], Outputs]:
    """A stand-in for running a model, which returns the student's outputs."""
    return lambda _model, tokens: evaluation.student.take(range(len(tokens)))


def export(
    student: Path, profile: Profile, folder: Path, runtime: RuntimeName, rewrites: tuple[Rewrite, ...]
) -> Exported:
    """Export a student with any rewrites, even those that its task does not allow."""
    variant = Variant(runtime=runtime, precision=Precision.FP32, rewrites=rewrites)
    lengths = (16, 32) if runtime is RuntimeName.TFLITE else ()
    return process.convert(
        Job(variant=variant, student=student, destination=folder, profile=profile, lengths_tokens=lengths, fp32=None)
    )


def test_onnx_has_outputs_for_each_token(tagger: Path, profile: Profile, tmp_path: Path) -> None:
    import onnxruntime

    exported = export(tagger, profile, tmp_path, RuntimeName.ONNX, ALL)
    assert exported.rewrites == ALL[1:]
    session = onnxruntime.InferenceSession(tmp_path / exported.graph.file, providers=["CPUExecutionProvider"])
    assert session.get_outputs()[0].shape == ["batch", "length", 3]
    check_batches(tagger, lambda arrays: np.asarray(session.run(None, dict(zip(ROLES, arrays, strict=True)))[0]))


def test_openvino_has_outputs_for_each_token(tagger: Path, profile: Profile, tmp_path: Path) -> None:
    import openvino as library

    exported = export(tagger, profile, tmp_path, RuntimeName.OPENVINO, ALL[:3])
    assert exported.rewrites == ALL[1:3]
    model = library.Core().compile_model(tmp_path / exported.graph.file, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    assert str(model.outputs[0].partial_shape) == "[?,?,3]"
    check_batches(tagger, lambda arrays: np.array(model(dict(zip(ROLES, arrays, strict=True)))["logits"]))


@pytest.mark.slow
def test_tflite_has_outputs_for_each_token(tagger: Path, profile: Profile, tmp_path: Path) -> None:
    from ai_edge_litert.interpreter import Interpreter

    exported = export(tagger, profile, tmp_path, RuntimeName.TFLITE, ALL[:2])
    assert exported.rewrites == ALL[1:2]
    interpreter = Interpreter(str(tmp_path / exported.graph.file))

    def answer(arrays: list[NDArray[Any]]) -> NDArray[np.float32]:
        runner = interpreter.get_signature_runner(f"seq{arrays[0].shape[1]}")
        inputs = exported.graph.named(dict(zip(ROLES, arrays, strict=True)))
        return np.asarray(*runner(**inputs).values())

    check_batches(tagger, answer, batches=[([row], 32) for row in range(4)])


def check_batches(student: Path, answer: Answer, batches: list[tuple[list[int], int | None]] | None = None) -> None:
    """Compare a model's outputs in batches of several lengths with the student's, ignoring padding."""
    evaluation = read_evaluation(student)
    for rows, length_tokens in batches or [([3], None), ([0, 1, 2], None), ([5, 9], 40)]:
        batch = evaluation.tokens.batch(rows, length_tokens)
        logits_BLC = answer([batch.input_ids_BL, batch.attention_mask_BL, batch.token_type_ids_BL])
        for index, row in enumerate(rows):
            expected_LC = evaluation.student.logits.row(row)
            np.testing.assert_allclose(logits_BLC[index, : len(expected_LC)], expected_LC, atol=1e-5)


@pytest.mark.parametrize("runtime", RuntimeName)
def test_the_first_token_rewrite_needs_a_task_that_reads_only_it(profile: Profile, runtime: RuntimeName) -> None:
    by_reads: dict[Reads, Variant] = {}
    for reads in ("first", "all"):
        (group,) = select_variants(profile, 24, [runtime], ["fp32"], reads=reads)
        (by_reads[reads],) = group.variants
    first, everything = by_reads["first"], by_reads["all"]
    assert first.rewrites == (Rewrite.FIRST_TOKEN, *everything.rewrites)
    assert first.name == everything.name == f"{runtime}-fp32"
    starts = (everything, *search_space.variants_near(everything))
    near = [neighbour for start in starts for neighbour in search_space.variants_near(start)]
    assert all(Rewrite.FIRST_TOKEN not in variant.rewrites for variant in near)
    assert {variant.reads for variant in near} == {"all"}
    assert everything.base.reads == "all"


def test_a_variant_without_a_default_rewrite_has_another_name() -> None:
    rewrites = default_rewrites(RuntimeName.ONNX, "all")
    variant = Variant(runtime=RuntimeName.ONNX, precision=Precision.FP32, rewrites=rewrites)
    assert variant.name == "onnx-fp32-scaled-query+separate-norm"


def test_the_first_token_rewrite_is_rejected_if_all_tokens_are_read() -> None:
    with pytest.raises(ValidationError, match="first-token: not if the answer depends on all tokens"):
        Variant(runtime=RuntimeName.ONNX, precision=Precision.FP32, reads="all", rewrites=(Rewrite.FIRST_TOKEN,))
